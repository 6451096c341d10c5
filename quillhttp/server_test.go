package quillhttp

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// The tests of this file use real sockets: nothing in them depends on the time.

func newServer(t *testing.T, h http.Handler, http2 bool) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = http2
	if http2 {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

func TestLargeBodyIsWholeWhenReadAfterRoundTripReturned(t *testing.T) { // B45
	const size = 512 << 10
	want := bytes.Repeat([]byte("quill..."), size/8)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(want) })
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", http2), func(t *testing.T) {
			srv := newServer(t, h, http2)
			c := newCircuit(t, quill.Settings{Timeout: time.Minute})
			resp, err := New(c, srv.Client().Transport).RoundTrip(newRequest(t, "GET", srv.URL, nil))
			require.NoError(t, err)
			require.Equal(t, map[bool]int{true: 2, false: 1}[http2], resp.ProtoMajor)
			require.Equal(t, 1, c.Stats().InFlight, "held until the end")
			got := finish(t, resp)
			require.Len(t, got, size)
			require.Equal(t, string(want), got)
			settled(t, c, quill.Counts{Success: 1})
		})
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	client := &http.Client{Transport: New(newCircuit(t), srv.Client().Transport)}
	for range 30 {
		resp, err := client.Do(newRequest(t, "GET", srv.URL, nil))
		require.NoError(t, err)
		finish(t, resp)
	}
	require.EqualValues(t, 1, conns.Load(), "ending the call must not break the connection")
}

func TestManyRequestsAtOnceAreAllAccountedFor(t *testing.T) {
	srv := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		var code int
		_, _ = fmt.Sscan(r.URL.Query().Get("code"), &code)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "answer")
	}), false)
	reg := quill.NewRegistry()
	client := &http.Client{Transport: PerHost(Hosts{Registry: reg, Settings: quill.Settings{
		MaxConcurrent: 4, Timeout: time.Minute, Override: quill.Disabled,
	}}, srv.Client().Transport)}
	codes := []int{200, 404, 500}
	var full atomic.Uint64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 60 {
				body := newTracked("upload")
				url := fmt.Sprintf("%s/?code=%d", srv.URL, codes[(g+i)%3])
				resp, err := client.Do(newRequest(t, "POST", url, body))
				if err != nil {
					full.Add(1)
					if body.closed.Load() != 1 {
						t.Error("refused and not closed once")
					}
					continue
				}
				if i%2 == 0 {
					_, _ = io.ReadAll(resp.Body)
				}
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	for c := range reg.All() {
		s := c.Stats()
		require.Zero(t, s.InFlight)
		require.Equal(t, uint64(8*60), s.Total.Total())
		require.Equal(t, full.Load(), s.Total.Rejected)
		require.Equal(t, s.Total.Total(), s.Total.Success+s.Total.Failure+s.Total.Ignored+s.Total.Rejected)
		require.NotZero(t, s.Total.Success)
	}
	require.Equal(t, 1, reg.Len())
}

func BenchmarkRoundTrip(b *testing.B) {
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		return respond(r, 200, io.NopCloser(strings.NewReader("answer"))), nil
	})
	transports := map[string]http.RoundTripper{
		"bare":    base,
		"New":     New(quill.NewCircuit("bench", quill.WithRegistry(quill.NewRegistry())), base),
		"PerHost": PerHost(Hosts{Registry: quill.NewRegistry()}, base),
	}
	for _, name := range []string{"bare", "New", "PerHost"} {
		b.Run(name, func(b *testing.B) {
			req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://localhost:8082/movies/550", nil)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := transports[name].RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}
