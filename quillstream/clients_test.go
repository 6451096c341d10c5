package quillstream_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/quillstream"
)

// places counts who is served, as the clients themselves see it: from the moment one has
// its answer to just before it hangs up.
type places struct {
	mu                         sync.Mutex
	now, most, served, refused int
	other                      []string // answers that are neither
}

// TestK02TwoThousandClientsShareTheirPlaces lets two thousand clients (with -short, 200) come at
// once, twice as many as there are places. Who is refused comes again; who is served reads for a while and
// hangs up.
func TestK02TwoThousandClientsShareTheirPlaces(t *testing.T) {
	const visits = 3
	clients := 2_000
	if testing.Short() {
		clients = 200
	}
	limit := clients / 2
	synctest.Test(t, func(t *testing.T) {
		idle := runtime.NumGoroutine()
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{MaxClients: limit})})
		var p places
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				chance := rand.New(rand.NewPCG(1, uint64(i)))
				for range visits {
					for !p.visit(t, site, chance) {
						time.Sleep(time.Millisecond + time.Duration(chance.Int64N(int64(10*time.Second))))
					}
				}
			})
		}
		synctest.Wait() // the first wave has its answers
		p.mu.Lock()
		served, refused := p.now, p.refused
		p.mu.Unlock()
		require.Equal(t, limit, served)
		require.Equal(t, clients-limit, refused)

		all.Wait()
		synctest.Wait()
		require.Empty(t, p.other)
		require.Equal(t, limit, p.most, "never more than there are places, and all of them")
		require.Equal(t, clients*visits, p.served)
		// More than once: as ended goroutines go from a processor's list to that of all, 32 at a time, the
		// runtime counts them for a moment.
		for range 1000 {
			if runtime.NumGoroutine() < idle+10 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		require.Less(t, runtime.NumGoroutine(), idle+10, "who has gone leaves nothing")
		require.Equal(t, http.StatusOK, site.open(t, "/").status)
	})
}

// visit asks for the stream once, and reports whether it was served.
func (p *places) visit(t *testing.T, site *site, chance *rand.Rand) bool {
	conn, err := site.listener.dial(t.Context(), "", "")
	if err != nil {
		p.note(err.Error())
		return true
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: site\r\n\r\n"); err != nil {
		p.note(err.Error())
		return true
	}
	lines := bufio.NewReader(conn)
	answer, err := lines.ReadString('\n')
	switch {
	case err == nil && strings.Contains(answer, " 503 "):
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refused++
		return false
	case err != nil || !strings.Contains(answer, " 200 "):
		p.note(fmt.Sprint(answer, err))
		return true
	}
	p.mu.Lock()
	p.now++
	p.served++
	p.most = max(p.most, p.now)
	p.mu.Unlock()
	for until := time.Now().Add(time.Second + time.Duration(chance.Int64N(int64(5*time.Second)))); time.Now().Before(until); {
		if _, err := lines.ReadString('\n'); err != nil {
			p.note(err.Error())
			break
		}
	}
	p.mu.Lock()
	p.now--
	p.mu.Unlock()
	return true
}

// TestL03StreamsAreClosedByManyWhileClientsCome: each Close returns, whoever is served is
// cut off, whoever comes later is told why, and nothing is left.
func TestL03StreamsAreClosedByManyWhileClientsCome(t *testing.T) {
	for _, kind := range []string{"stream", "sum"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var site *site
				var end func()
				if kind == "stream" {
					stream := quillstream.NewStream(semaphores(t), quillstream.StreamSettings{})
					site, end = serve(t, &http.Server{Handler: stream}), stream.Close
				} else {
					f := newFleet(t, map[string]http.Handler{"a": host(t, 1, 0)})
					sum, itsSite := f.sum(t, quillstream.AggregatorSettings{}, "a", "gone")
					site, end = itsSite, sum.Close
				}
				time.Sleep(time.Second)
				var all sync.WaitGroup
				for i := range 40 {
					all.Go(func() {
						time.Sleep(time.Duration(i) * 100 * time.Millisecond)
						res := site.open(t, "/")
						if res.status == http.StatusOK {
							ended(t, read(res))
						} else if said := text(t, res); said != "quillstream: the stream is closed\n" {
							t.Errorf("whoever comes later is told %q", said)
						}
					})
				}
				for range 10 {
					all.Go(func() {
						time.Sleep(2 * time.Second)
						end()
						if status := site.open(t, "/").status; status != http.StatusServiceUnavailable {
							t.Errorf("after Close the status is %d", status)
						}
					})
				}
				all.Wait()
			})
		})
	}
}

func (p *places) note(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.other = append(p.other, s)
}
