package regressions_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillhttp"
)

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestB34Cardinality
//
// S: a circuit for each host, at most 100 of them.
// T: 100,000 host names out of user input, some of which are down.
// C: the registry is bounded, no goroutine goes with a name, a circuit that is open is
// never evicted, and what is beyond the bound shares one circuit. (What is evicted is out of
// the registry, and so out of every export made from it.)
//
// Source: Hystrix#1737; hystrix-go#95, #111; resilience4j#273, #650, #2243; Sentinel#3521;
// ojp#544; micrometer#4971; cockroach#120946; hystrix-go (reproduced: two goroutines a name).
func TestB34Cardinality(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, ill = 100, 5
		names := 100_000
		if raceDetector {
			names = 20_000
		}
		r := quill.NewRegistry()
		isDown := func(host string) bool { return len(host) == len("ill-0.example") && host[:4] == "ill-" }
		transport := quillhttp.PerHost(quillhttp.Hosts{Registry: r, MaxHosts: most},
			roundTripper(func(req *http.Request) (*http.Response, error) {
				if isDown(req.URL.Hostname()) {
					return nil, errDown
				}
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
			}))
		get := func(host string) error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/", nil)
			require.NoError(t, err)
			resp, err := transport.RoundTrip(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			return err
		}
		before := runtime.NumGoroutine()
		for i := range ill {
			host := fmt.Sprintf("ill-%d.example", i)
			for range 20 {
				require.ErrorIs(t, get(host), errDown)
			}
		}
		for i := range names {
			require.NoError(t, get(fmt.Sprintf("host-%d.example", i)))
			if i%1000 == 0 {
				time.Sleep(quillhttp.DefaultIdleAfter) // so that some may be evicted
			}
		}
		requireNoGoroutinesBeyond(t, before)
		require.LessOrEqual(t, r.Len(), most+1)
		for i := range ill {
			c, there := r.Lookup(fmt.Sprintf("http://ill-%d.example", i))
			require.True(t, there, "an open circuit was evicted")
			require.Equal(t, quill.Open, c.State())
		}
		others, there := r.Lookup(quillhttp.OtherHosts)
		require.True(t, there)
		require.Greater(t, others.Stats().Total.Success, uint64(names/2))
		_, there = r.Lookup("http://host-0.example")
		require.False(t, there, "idle for hours and never evicted")
	})
}

// TestB45BodyOutlivesTheRoundTrip (real time: HTTP/2 over a real connection)
//
// S: a Transport with a timeout; 512 KB over HTTP/2, sent in pieces.
// T: (a) the body is read after RoundTrip has returned; (b) it breaks off; (c) it stalls
// beyond the timeout; (d) it is closed unread.
// C: (a) all of it arrives; the request's context and the slot live until the body's end,
// and only then is the call a success; (b) a failure although the headers said 200; (c) a
// timeout, which the reader is told; (d) the slot is free.
//
// Source: failsafe-go#65, #123; resty#1197 (3,965 of 524,288 bytes); hedgedhttp#1, #8;
// retry#171.
func TestB45BodyOutlivesTheRoundTrip(t *testing.T) {
	piece := bytes.Repeat([]byte("quill..."), 1024)
	const pieces = 64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range pieces {
			if i == pieces/2 {
				switch r.URL.Path {
				case "/breaks":
					panic(http.ErrAbortHandler)
				case "/stalls":
					<-r.Context().Done()
					return
				}
			}
			if _, err := w.Write(piece); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	get := func(t *testing.T, path string, timeout time.Duration) (*quill.Circuit, *http.Response, context.Context) {
		t.Helper()
		var below context.Context
		c := newCircuit(t, quill.Settings{Timeout: timeout, MaxConcurrent: 1})
		base := server.Client().Transport
		client := &http.Client{Transport: quillhttp.New(c, roundTripper(func(r *http.Request) (*http.Response, error) {
			below = r.Context() //nolint:fatcontext // it is kept to be looked at, not nested
			return base.RoundTrip(r)
		}))}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		t.Cleanup(func() { _ = resp.Body.Close() })
		require.Equal(t, 2, resp.ProtoMajor)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.NoError(t, below.Err(), "the work's context ended with the headers")
		require.Equal(t, 1, c.Stats().InFlight, "the slot was given back with the headers")
		require.Zero(t, c.Stats().Total.Total(), "judged by the headers")
		return c, resp, below
	}
	ends := func(t *testing.T, c *quill.Circuit, o quill.Outcome) {
		t.Helper()
		require.EqualValues(t, 1, c.Stats().Total.Of(o))
		require.EqualValues(t, 1, c.Stats().Total.Total())
		require.Zero(t, c.Stats().InFlight)
	}
	t.Run("a", func(t *testing.T) {
		c, resp, below := get(t, "/", time.Minute) //nolint:bodyclose // get closes it in the end
		require.ErrorIs(t, call(c, ok), quill.ErrFull)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(bytes.Repeat(piece, pieces), body), "%d bytes", len(body))
		require.Equal(t, context.Canceled, below.Err())
		require.EqualValues(t, 1, c.Stats().Total.Success)
		requireAllSlots(t, c)
	})
	t.Run("b", func(t *testing.T) {
		c, resp, _ := get(t, "/breaks", time.Minute) //nolint:bodyclose // get closes it in the end
		_, err := io.ReadAll(resp.Body)
		require.Error(t, err)
		ends(t, c, quill.Failure)
	})
	t.Run("c", func(t *testing.T) {
		c, resp, _ := get(t, "/stalls", 2*time.Second) //nolint:bodyclose // get closes it in the end
		_, err := io.ReadAll(resp.Body)
		require.ErrorIs(t, err, quill.ErrTimeout)
		ends(t, c, quill.Timeout)
	})
	t.Run("d", func(t *testing.T) {
		c, resp, below := get(t, "/", time.Minute)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, context.Canceled, below.Err())
		ends(t, c, quill.Success)
	})
}
