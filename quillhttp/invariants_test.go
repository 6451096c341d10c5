package quillhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestN02NoRequestIsSentTwice: not one whose body cannot be read again, and no other either,
// whatever comes back: the transport sends what it is given, once.
func TestN02NoRequestIsSentTwice(t *testing.T) {
	for _, back := range []struct {
		name string
		code int
		err  error
	}{{"an error", 0, errBroken}, {"503", 503, nil}, {"429", 429, nil}, {"200", 200, nil}} {
		for _, perHost := range []bool{false, true} {
			t.Run(fmt.Sprint(back.name, " per host ", perHost), func(t *testing.T) {
				sent, read := 0, 0
				base := roundTrip(func(r *http.Request) (*http.Response, error) {
					sent++
					text, err := io.ReadAll(r.Body)
					require.NoError(t, err)
					require.Equal(t, "once", string(text))
					require.NoError(t, r.Body.Close())
					if back.err != nil {
						return nil, back.err
					}
					return respond(r, back.code, http.NoBody), nil
				})
				tr := New(newCircuit(t), base)
				if perHost {
					tr = PerHost(Hosts{Registry: quill.NewRegistry()}, base)
				}
				body := newTracked("once")
				body.Reader = readCounter{body.Reader, &read}
				req := newRequest(t, "POST", "http://a/", body)
				req.GetBody = func() (io.ReadCloser, error) {
					t.Error("the body was asked for again")
					return nil, errBroken
				}
				resp, err := tr.RoundTrip(req)
				require.Equal(t, back.err != nil, err != nil)
				if resp != nil {
					require.NoError(t, resp.Body.Close())
				}
				require.Equal(t, 1, sent)
				require.Equal(t, len("once"), read)
				require.EqualValues(t, 1, body.closed.Load())
			})
		}
	}
}

type readCounter struct {
	io.Reader

	n *int
}

func (r readCounter) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	*r.n += n
	return n, err
}

// TestN04CancelPropagates: to the transport below, at that moment, before the headers and
// while the body is read.
func TestN04CancelPropagates(t *testing.T) {
	for _, stage := range []string{"before the headers", "in the body"} {
		t.Run(stage, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCircuit(t)
				start := time.Now()
				var told time.Duration
				var cause error
				done := func(ctx context.Context) {
					<-ctx.Done()
					told, cause = time.Since(start), context.Cause(ctx)
				}
				base := roundTrip(func(r *http.Request) (*http.Response, error) {
					if stage == "in the body" {
						return respond(r, 200, io.NopCloser(readerFunc(func([]byte) (int, error) {
							done(r.Context())
							return 0, r.Context().Err()
						}))), nil
					}
					done(r.Context())
					return nil, r.Context().Err()
				})
				mine := errors.New("a cause of my own")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(100*time.Millisecond, func() { cancel(mine) })
				resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil).WithContext(ctx))
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					require.NoError(t, resp.Body.Close())
				}
				require.ErrorIs(t, err, context.Canceled)
				synctest.Wait()
				require.Equal(t, 100*time.Millisecond, told)
				require.Equal(t, mine, cause)
				settled(t, c, quill.Counts{Canceled: 1})
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestK05NamesFromOutsideAreBounded: a client that is led to ever new hosts, or to hosts
// whose names are no names, makes no more circuits than allowed, and no goroutines. It asks a
// million hosts (with -short, 100,000), most of them once. Time passes meanwhile, so that hosts lose their circuits to others, and one in a hundred has a name
// that is not fit for a circuit.
func TestK05NamesFromOutsideAreBounded(t *testing.T) {
	const most = 10
	hosts := 1_000_000
	if testing.Short() {
		hosts = 100_000
	}
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		tr := PerHost(Hosts{Registry: reg, MaxHosts: most}, roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		}))
		req := newRequest(t, "GET", "http://a/", nil)
		ran, evicted := runtime.NumGoroutine(), 0
		var heap uint64
		for i := range hosts {
			if i%(hosts/20) == 0 {
				if i == hosts/20 {
					heap = heapInUse()
				}
				evicted += len(names(reg))
				time.Sleep(2 * time.Minute)
			}
			req.URL.Host = "h" + strconv.Itoa(i)
			if i%100 == 0 {
				req.URL.Host += strings.Repeat("x", 200)
			}
			resp, err := tr.RoundTrip(req)
			if err != nil || resp.Body.Close() != nil || reg.Len() > most+1 || runtime.NumGoroutine() > ran+10 {
				require.FailNow(t, "a name too many", "host %d: %v, %d circuits, %d goroutines", i, err, reg.Len(), runtime.NumGoroutine())
			}
		}
		require.Equal(t, most+1, reg.Len(), "the rest share one")
		require.Greater(t, evicted, 10*most, "hosts gave way to others")
		require.Less(t, heapInUse(), heap+1<<20, "a million names leave nothing")
		runtime.KeepAlive(tr)
		for c := range reg.All() {
			require.NoError(t, quill.CheckName(c.Name()))
		}
		other, ok := reg.Lookup(OtherHosts)
		require.True(t, ok)
		require.Greater(t, other.Stats().Total.Success, uint64(hosts*9/10))
	})
}

// heapInUse is what the heap holds that is not garbage.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
