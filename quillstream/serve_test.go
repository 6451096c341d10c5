package quillstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// times are when the messages came, since start; it returns when enough have.
func times(messages <-chan message, start time.Time, n int) (all []time.Duration) {
	for range n {
		m := <-messages
		all = append(all, m.at.Sub(start))
	}
	return all
}

// semaphores is a registry with one circuit that sends one message a tick.
func semaphores(t *testing.T) *quill.Registry {
	t.Helper()
	registry := quill.NewRegistry()
	circuit(t, registry, "c", quill.Settings{Isolation: quill.Semaphore})
	return registry
}

func TestDelayIsTheClientsWithinBounds(t *testing.T) {
	const s = time.Second
	for query, want := range map[string][]time.Duration{
		"":                                {0, s / 2, s},
		"?delay=":                         {0, s / 2, s},
		"?delay=1":                        {0, s / 2, s},
		"?delay=0":                        {0, s / 2, s},
		"?delay=-5":                       {0, s / 2, s},
		"?delay=-99999999999999999999999": {0, s / 2, s},
		"?delay=2000":                     {0, 2 * s, 4 * s},
		"?delay=700":                      {0, s / 2, s},
		"?delay=60000":                    {0, 10 * s, 20 * s},
		"?delay=99999999999999999999999":  {0, 10 * s, 20 * s},
	} {
		t.Run(query, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{})})
				start := time.Now()
				require.Equal(t, want, times(read(site.open(t, "/"+query)), start, 3))
			})
		})
	}
}

func TestADelayThatIsNoNumberIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{Handler: quillstream.NewStream(nil, quillstream.StreamSettings{})})
		res := site.open(t, "/?delay=soon")
		require.Equal(t, http.StatusBadRequest, res.status)
		require.Equal(t, "quillstream: the query parameter delay must be a number of milliseconds\n", text(t, res))
	})
}

func TestAllClientsShareOneSnapshotATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64 // Group is asked once for each command and snapshot
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{
			Group: func(string) string { looks.Add(1); return "g" },
		})})
		time.Sleep(time.Minute)
		require.Zero(t, looks.Load(), "without a client there is none")
		for range 20 {
			site.open(t, "/?delay=1")
		}
		time.Sleep(5*time.Second + time.Millisecond)
		require.EqualValues(t, 11, looks.Load())
	})
}

func TestK02TooManyClientsAreRefusedUntilOneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{MaxClients: 2})})
		first := site.open(t, "/")
		second := site.open(t, "/")
		res := site.open(t, "/")
		require.Equal(t, http.StatusServiceUnavailable, res.status)
		require.Equal(t, "10", res.header.Get("Retry-After"))
		require.Equal(t, "quillstream: the stream has as many clients as it may have\n", text(t, res))

		require.NoError(t, first.body.Close())
		synctest.Wait()
		require.Equal(t, http.StatusOK, site.open(t, "/").status)
		next(t, read(second), "HystrixCommand", "c")
	})
}

func TestTheServersOwnTimeoutsDoNotEndAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{
			Handler:     quillstream.NewStream(semaphores(t), quillstream.StreamSettings{}),
			ReadTimeout: time.Second, WriteTimeout: time.Second, IdleTimeout: time.Second, ReadHeaderTimeout: time.Second,
		})
		start := time.Now()
		all := times(read(site.open(t, "/")), start, 60)
		require.Equal(t, 29500*time.Millisecond, all[59])
	})
}

// A pipe has no buffer: who does not read holds the writer up at once.
func TestK01ASlowClientIsCutOffAndHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{
			MaxClients: 2, WriteTimeout: 3 * time.Second,
		})})
		slow, err := site.listener.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer func() { _ = slow.Close() }()
		_, err = fmt.Fprint(slow, "GET / HTTP/1.1\r\nHost: site\r\n\r\n")
		require.NoError(t, err)
		synctest.Wait() // its handler now writes the header to nobody

		start := time.Now()
		all := times(read(site.open(t, "/")), start, 10)
		for i, at := range all {
			require.Equal(t, time.Duration(i)*500*time.Millisecond, at)
		}
		// Its place is free.
		require.Equal(t, http.StatusOK, site.open(t, "/").status)
	})
}

// One that reads for a while and then no more is cut off like one that never did.
func TestK01AClientThatStopsReadingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{
			MaxClients: 1, WriteTimeout: 3 * time.Second,
		})})
		tired, err := site.listener.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer func() { _ = tired.Close() }()
		_, err = fmt.Fprint(tired, "GET / HTTP/1.1\r\nHost: site\r\n\r\n")
		require.NoError(t, err)
		pings := 0
		for lines := bufio.NewScanner(tired); pings < 20 && lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "ping:") {
				pings++
			}
		}
		require.Equal(t, 20, pings, "longer than WriteTimeout")
		require.Equal(t, http.StatusServiceUnavailable, site.open(t, "/").status)
		time.Sleep(5 * time.Second)
		require.Equal(t, http.StatusOK, site.open(t, "/").status, "its place is free")
	})
}

// A client that is late finds the newest snapshot, and not a heap of old ones.
func TestALateClientMissesSnapshotsAndGetsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := semaphores(t)
		c := circuit(t, registry, "c")
		site := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{WriteTimeout: time.Minute})})
		late, err := site.listener.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer func() { _ = late.Close() }()
		_, err = fmt.Fprint(late, "GET / HTTP/1.1\r\nHost: site\r\n\r\n")
		require.NoError(t, err)
		for range 40 { // twenty seconds, in which it reads nothing
			call(t, c, 0, nil)
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond) // between two ticks
		start := time.Now()
		var ages []time.Duration
		for lines := bufio.NewScanner(late); len(ages) < 3 && lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				at := time.UnixMilli(int64(message{data: data}.fields(t)["currentTime"].(float64)))
				ages = append(ages, start.Sub(at))
			}
		}
		require.Equal(t, []time.Duration{100 * time.Millisecond, -400 * time.Millisecond, -900 * time.Millisecond}, ages)
	})
}

func TestWhoMayReadIsForTheAuthoriserToSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{
			Authorize: func(r *http.Request) error {
				if r.URL.Query().Get("token") != "secret" {
					return errors.New("the token is wrong")
				}
				return nil
			},
		})})
		res := site.open(t, "/?delay=soon")
		require.Equal(t, http.StatusForbidden, res.status)
		require.Equal(t, "quillstream: the token is wrong\n", text(t, res))
		next(t, read(site.open(t, "/?token=secret")), "HystrixCommand", "c")
	})
}

func TestAStreamCanOnlyBeRead(t *testing.T) {
	stream := quillstream.NewStream(nil, quillstream.StreamSettings{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		w := httptest.NewRecorder()
		stream.ServeHTTP(w, httptest.NewRequest(method, "/hystrix.stream", nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code, method)
		require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
}

// The write deadline of a stream must not go over to another request of its connection.
func TestAConnectionIsForOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{})})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://site/", nil)
		require.NoError(t, err)
		res, err := site.client.Do(req)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		require.True(t, res.Close)
	})
}

func TestHeadGivesTheHeaderOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{})})
		res, err := site.client.Head("http://site/")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, "text/event-stream;charset=UTF-8", res.Header.Get("Content-Type"))
	})
}

// Where a slow client could not be cut off there is no stream.
func TestAWriterWithoutDeadlinesIsRefused(t *testing.T) {
	w := httptest.NewRecorder()
	quillstream.NewStream(nil, quillstream.StreamSettings{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), "no write deadline")
	require.Contains(t, w.Body.String(), "Unwrap")
}

func TestK03ShutdownIsNotHeldUpByStreams(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			stream := quillstream.NewStream(semaphores(t), quillstream.StreamSettings{})
			server := httptest.NewUnstartedServer(stream)
			server.EnableHTTP2 = proto == "HTTP/2.0"
			server.StartTLS()
			defer server.Close()
			var streams []<-chan message
			for range 3 {
				res, err := server.Client().Get(server.URL)
				require.NoError(t, err)
				defer func() { _ = res.Body.Close() }()
				require.Equal(t, proto, res.Proto)
				streams = append(streams, readFrom(res.Body))
				next(t, streams[len(streams)-1], "HystrixCommand", "c")
			}
			// Held up, it would last until its context ends.
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, server.Config.Shutdown(ctx), "nobody has closed the stream")
			for _, s := range streams {
				ended(t, s)
			}
			// The stream is for other servers as before.
			other := httptest.NewServer(stream)
			defer other.Close()
			res, err := other.Client().Get(other.URL)
			require.NoError(t, err)
			next(t, readFrom(res.Body), "HystrixCommand", "c")
			require.NoError(t, res.Body.Close())
		})
	}
}

// ended waits for the end of a stream.
func ended(t *testing.T, messages <-chan message) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case _, ok := <-messages:
			if !ok {
				return
			}
		case <-timeout:
			require.FailNow(t, "the stream goes on")
		}
	}
}

func TestCloseEndsAllStreamsAndRefusesFurtherOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := quillstream.NewStream(semaphores(t), quillstream.StreamSettings{})
		site := serve(t, &http.Server{Handler: stream})
		var streams []<-chan message
		for range 3 {
			streams = append(streams, read(site.open(t, "/")))
		}
		stream.Close()
		stream.Close()
		for _, s := range streams {
			ended(t, s)
		}
		res := site.open(t, "/")
		require.Equal(t, http.StatusServiceUnavailable, res.status)
		require.Equal(t, "quillstream: the stream is closed\n", text(t, res))
	})
}

// A client that goes, by whatever way, leaves nothing behind.
func TestAClientThatGoesLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		site := serve(t, &http.Server{Handler: quillstream.NewStream(semaphores(t), quillstream.StreamSettings{
			Group: func(string) string { looks.Add(1); return "g" },
		})})
		for range 50 {
			conn, err := site.listener.dial(t.Context(), "", "")
			require.NoError(t, err)
			_, err = fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: site\r\n\r\n")
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		}
		time.Sleep(time.Second)
		before := looks.Load()
		time.Sleep(time.Minute)
		require.Equal(t, before, looks.Load(), "the ticker has ended")
	})
}

func TestSettingsOutOfRangeAreRefusedWithAllTheirFields(t *testing.T) {
	bad := quillstream.StreamSettings{Interval: time.Millisecond, MaxClients: -1, WriteTimeout: time.Hour}
	want := "quillstream: Interval is 1ms: must be 100ms to 10s\n" +
		"quillstream: MaxClients is -1: must be 1 to 10,000\n" +
		"quillstream: WriteTimeout is 1h0m0s: must be 10ms to 1m"
	require.EqualError(t, bad.Validate(), want)
	require.PanicsWithValue(t, want, func() { quillstream.NewStream(nil, bad) })
	require.NoError(t, quillstream.StreamSettings{}.Validate())
}
