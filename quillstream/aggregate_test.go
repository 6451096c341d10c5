package quillstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// fleet is some servers in memory, and a client that reaches them by name.
type fleet struct {
	mu    sync.Mutex
	sites map[string]*site
	dials map[string]int
}

func newFleet(t *testing.T, handlers map[string]http.Handler) *fleet {
	t.Helper()
	f := &fleet{sites: map[string]*site{}, dials: map[string]int{}}
	for name, h := range handlers {
		f.set(name, serve(t, &http.Server{Handler: h}))
	}
	return f
}

func (f *fleet) set(name string, s *site) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sites[name+":80"] = s
}

func (f *fleet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	f.dials[address]++
	s := f.sites[address]
	f.mu.Unlock()
	if s == nil {
		return nil, errors.New("connection refused")
	}
	return s.listener.dial(ctx, network, address)
}

func (f *fleet) dialed(address string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dials[address]
}

// sum starts an aggregator of the fleet's hosts and a server for it. settings may have more.
func (f *fleet) sum(t *testing.T, settings quillstream.AggregatorSettings, hosts ...string) (*quillstream.Aggregator, *site) {
	t.Helper()
	for _, h := range hosts {
		settings.Upstreams = append(settings.Upstreams, quillstream.Upstream{Name: h, URL: "http://" + h + "/hystrix.stream"})
	}
	settings.Client = &http.Client{
		Transport: &http.Transport{DialContext: f.dial, DisableKeepAlives: true},
		Timeout:   time.Millisecond, // of no effect: a stream has no end
	}
	a, err := quillstream.NewAggregator(settings)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return a, serve(t, &http.Server{Handler: a})
}

// host is the stream of a process with a circuit "movie-info" that has had some calls.
func host(t *testing.T, good, bad int) http.Handler {
	t.Helper()
	registry := quill.NewRegistry()
	c := circuit(t, registry, "movie-info", quill.Settings{RequestVolumeThreshold: 10, SleepWindow: time.Hour})
	for range good {
		call(t, c, 0, nil)
	}
	for range bad {
		call(t, c, 0, errDown)
	}
	return quillstream.NewStream(registry, quillstream.StreamSettings{})
}

// script is an upstream that does what is written.
func script(do func(w http.ResponseWriter, r *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		do(w, r)
	})
}

// pause waits and reports whether the client is still there.
func pause(r *http.Request, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
		return false
	}
}

func send(w http.ResponseWriter, text string) {
	_, _ = w.Write([]byte(text))
	_ = http.NewResponseController(w).Flush()
}

// status returns what is known of an upstream.
func status(t *testing.T, a *quillstream.Aggregator, name string) quillstream.UpstreamStatus {
	t.Helper()
	for _, s := range a.Status() {
		if s.Name == name {
			return s
		}
	}
	require.FailNow(t, "no such upstream", name)
	return quillstream.UpstreamStatus{}
}

// drain throws away what has been read so far.
func drain(messages <-chan message) {
	for len(messages) > 0 {
		<-messages
	}
}

func TestTheSumOfThreeHealthyHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, map[string]http.Handler{"a": host(t, 10, 0), "b": host(t, 2, 8), "c": host(t, 5, 5)})
		a, site := f.sum(t, quillstream.AggregatorSettings{}, "a", "b", "c")
		time.Sleep(time.Second)
		messages := read(site.open(t, "/"))
		command := next(t, messages, "HystrixCommand", "movie-info")
		for field, want := range map[string]any{
			"reportingHosts": 3.0, "requestCount": 30.0, "errorCount": 13.0, "rollingCountSuccess": 17.0, "rollingCountFailure": 13.0,
			"errorPercentage":      130.0, // 0 + 80 + 50: the dashboard divides
			"isCircuitBreakerOpen": map[string]any{"true": 2.0, "false": 1.0},
			"propertyValue_metricsRollingStatisticalWindowInMilliseconds": 10000.0,
			"propertyValue_executionIsolationStrategy":                    "THREAD",
		} {
			require.Equal(t, want, command[field], field)
		}
		pool := next(t, messages, "HystrixThreadPool", "movie-info")
		require.Equal(t, 30.0, pool["currentCorePoolSize"])
		require.Equal(t, 30000.0, pool["propertyValue_metricsRollingStatisticalWindowInMilliseconds"])
		for _, s := range a.Status() {
			require.Equal(t, quillstream.Connected, s.State)
			require.Equal(t, 2, s.Subjects)
			require.EqualValues(t, 1, s.Connections)
			require.Zero(t, s.Bad)
			require.Empty(t, s.LastError)
		}
	})
}

// One host is down, one accepts and says nothing, one sends garbage of every kind: the good
// one is shown all the same, and of each of the others it is said what is wrong.
func TestBrokenSlowAndTalkativeHostsHarmNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		garbage := script(func(w http.ResponseWriter, r *http.Request) {
			for again := true; again; again = pause(r, time.Second) {
				send(w, "data: <html>\n\ndata: {\"type\":\"HystrixCommand\"}\n\ndata: {\"type\":\"HystrixCommand\",\"name\":\"movie-info\",\"requestCount\":\"x\"}\n\n"+
					"ping: \n\n: a comment\nnonsense\n\nevent: other\ndata: 7\n\n\x00\xff\n\n")
			}
		})
		silent := script(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		drips := script(func(w http.ResponseWriter, r *http.Request) {
			for again := true; again; again = pause(r, time.Second) {
				send(w, "d")
			}
		})
		endless := script(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				send(w, "data: "+strings.Repeat("x", 1<<16))
			}
		})
		f := newFleet(t, map[string]http.Handler{
			"good": host(t, 10, 0), "garbage": garbage, "silent": silent, "drips": drips, "endless": endless,
			"login": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>log in")) }),
			"ill":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "ill", http.StatusInternalServerError) }),
		})
		a, site := f.sum(t, quillstream.AggregatorSettings{}, "down", "ill", "login", "silent", "drips", "garbage", "endless", "good")
		messages := read(site.open(t, "/"))
		start := time.Now()
		for seen := 0; time.Since(start) < time.Minute; seen++ {
			m := <-messages
			if c := m.fields(t); c["type"] == "HystrixCommand" {
				require.Equal(t, []any{1.0, "movie-info"}, []any{c["reportingHosts"], c["name"]})
			}
		}
		synctest.Wait() // or the garbage of this second may be half read
		good := status(t, a, "good")
		require.Equal(t, quillstream.Connected, good.State)
		require.Greater(t, good.Messages, uint64(200))
		for name, want := range map[string]string{
			"down": "connection refused", "ill": "the upstream answered 500 Internal Server Error",
			"login":   `the upstream answered with "text/html" and not with text/event-stream`,
			"silent":  "the upstream is silent",
			"garbage": "a message cannot be used: no JSON object",
			"endless": "token too long",
		} {
			s := status(t, a, name)
			require.Contains(t, s.LastError, want, name)
			require.Zero(t, s.Messages, name)
			require.Zero(t, s.Subjects, name)
		}
		require.Greater(t, status(t, a, "garbage").Bad, uint64(100))
		require.EqualValues(t, 1, status(t, a, "garbage").Connections, "it is still being read")
		require.Less(t, status(t, a, "down").Connections, uint64(12), "longer and longer pauses")
		require.Greater(t, status(t, a, "down").Connections, uint64(4))
	})
}

func TestAHostThatFallsSilentLeavesTheSumAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, map[string]http.Handler{"a": host(t, 10, 0), "b": host(t, 20, 0)})
		b := f.sites["b:80"]
		a, site := f.sum(t, quillstream.AggregatorSettings{Silence: 5 * time.Second}, "a", "b")
		time.Sleep(time.Second)
		messages := read(site.open(t, "/"))
		require.Equal(t, 2.0, next(t, messages, "HystrixCommand", "movie-info")["reportingHosts"])

		f.set("b", nil)
		require.NoError(t, b.Close())
		died := time.Now()
		for {
			m := <-messages
			if c := m.fields(t); c["type"] == "HystrixCommand" && c["reportingHosts"] == 1.0 {
				require.Equal(t, 10.0, c["requestCount"])
				require.InDelta(t, 5, m.at.Sub(died).Seconds(), 0.5)
				break
			}
		}
		require.Zero(t, status(t, a, "b").Subjects)
		require.Equal(t, quillstream.Waiting, status(t, a, "b").State)
		require.Equal(t, "connection refused", status(t, a, "b").LastError)

		time.Sleep(10 * time.Minute)
		require.Less(t, f.dialed("b:80"), 50)
		f.set("b", serve(t, &http.Server{Handler: host(t, 7, 0)}))
		time.Sleep(time.Minute)
		drain(messages)
		require.Equal(t, 2.0, next(t, messages, "HystrixCommand", "movie-info")["reportingHosts"])
	})
}

// A command that one of the hosts has no more is not counted as one of its.
func TestACommandThatIsToldOfNoMoreLeavesTheSum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		circuit(t, registry, "stays")
		circuit(t, registry, "goes")
		f := newFleet(t, map[string]http.Handler{"a": quillstream.NewStream(registry, quillstream.StreamSettings{})})
		a, site := f.sum(t, quillstream.AggregatorSettings{Silence: 2 * time.Second}, "a")
		messages := read(site.open(t, "/"))
		next(t, messages, "HystrixCommand", "goes")
		registry.Remove("goes")
		time.Sleep(3 * time.Second)
		drain(messages)
		for range 10 {
			require.Equal(t, "stays", (<-messages).fields(t)["name"])
		}
		require.Equal(t, 2, status(t, a, "a").Subjects)
	})
}

// Where to read is in the settings: nothing that a client or an upstream says is fetched.
func TestNothingIsFetchedButWhatTheSettingsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		inner := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })
		f := newFleet(t, map[string]http.Handler{
			"a": host(t, 1, 0), "inner": inner,
			"leads": http.RedirectHandler("http://inner/secret", http.StatusFound),
		})
		a, site := f.sum(t, quillstream.AggregatorSettings{}, "a", "leads")
		for _, query := range []string{"/?origin=http://inner/", "/http://inner/?stream=http://inner/&cluster=http://inner/&url=http://inner/"} {
			require.Equal(t, http.StatusOK, site.open(t, query).status)
		}
		time.Sleep(time.Minute)
		require.Zero(t, asked.Load())
		require.Zero(t, f.dialed("inner:80"))
		require.Equal(t, "the upstream answered 302 Found", status(t, a, "leads").LastError)
	})
}

func TestHeadersAreSentAndSecretsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got atomic.Pointer[http.Request]
		f := newFleet(t, map[string]http.Handler{"a": script(func(_ http.ResponseWriter, r *http.Request) {
			got.Store(r)
			<-r.Context().Done()
		})})
		a, _ := f.sum(t, quillstream.AggregatorSettings{Upstreams: []quillstream.Upstream{
			{URL: "http://user:hunter2@a/x?token=hunter2&delay=1000", Header: http.Header{"X-Token": {"hunter2"}}},
			{URL: "http://user:hunter2@gone/x?token=hunter2", Header: http.Header{"X-Token": {"hunter2"}}},
		}})
		time.Sleep(30 * time.Second)
		require.Equal(t, "hunter2", got.Load().Header.Get("X-Token"))
		require.Equal(t, "text/event-stream", got.Load().Header.Get("Accept"))
		require.Equal(t, "1000", got.Load().URL.Query().Get("delay"))
		data, err := json.Marshal(a.Status())
		require.NoError(t, err)
		require.NotContains(t, string(data), "hunter2")
		require.Contains(t, string(data), "connection refused")
		require.Equal(t, "http://user:xxxxx@a/x", a.Status()[0].URL)
	})
}

func TestAnAggregatorMayReadAggregators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, map[string]http.Handler{"a": host(t, 10, 0), "b": host(t, 2, 8), "c": host(t, 5, 5)})
		_, flat := f.sum(t, quillstream.AggregatorSettings{}, "a", "b", "c")
		_, left := f.sum(t, quillstream.AggregatorSettings{}, "a", "b")
		f.set("left", left)
		_, tree := f.sum(t, quillstream.AggregatorSettings{}, "left", "c")
		time.Sleep(2 * time.Second)
		one := next(t, read(flat.open(t, "/")), "HystrixCommand", "movie-info")
		other := next(t, read(tree.open(t, "/")), "HystrixCommand", "movie-info")
		delete(one, "currentTime")
		delete(other, "currentTime")
		require.Equal(t, 3.0, one["reportingHosts"])
		require.Equal(t, one, other)
	})
}

func TestTheNumberOfSubjectsOfAnUpstreamIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const more = 100
		f := newFleet(t, map[string]http.Handler{"a": script(func(w http.ResponseWriter, r *http.Request) {
			for n := range quillstream.MaxSubjects + more {
				_, _ = fmt.Fprintf(w, "data: {\"type\":\"HystrixCommand\",\"name\":\"n%d\"}\n\n", n)
			}
			send(w, "\n")
			pause(r, 9*time.Second)
			send(w, "\n")
			pause(r, 2*time.Second)
			send(w, "data: {\"type\":\"HystrixCommand\",\"name\":\"new\"}\n\n")
			<-r.Context().Done()
		})})
		a, _ := f.sum(t, quillstream.AggregatorSettings{}, "a")
		time.Sleep(time.Second)
		s := status(t, a, "a")
		require.Equal(t, quillstream.MaxSubjects, s.Subjects)
		require.EqualValues(t, more, s.Dropped)
		time.Sleep(11 * time.Second)
		s = status(t, a, "a")
		require.Equal(t, 1, s.Subjects, "the old ones are forgotten, also when nobody reads the sum")
		require.EqualValues(t, more, s.Dropped)
	})
}

func TestStatusIsServedAsJSONToWhoMayRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, map[string]http.Handler{"a": host(t, 1, 0)})
		a, _ := f.sum(t, quillstream.AggregatorSettings{Stream: quillstream.StreamSettings{
			Authorize: func(r *http.Request) error {
				if r.URL.Query().Get("token") == "" {
					return errors.New("no token")
				}
				return nil
			},
		}}, "a", "b")
		site := serve(t, &http.Server{Handler: http.HandlerFunc(a.ServeStatus)})
		time.Sleep(time.Second)
		require.Equal(t, http.StatusForbidden, site.open(t, "/").status)
		res := site.open(t, "/?token=x")
		require.Equal(t, "application/json", res.header.Get("Content-Type"))
		var all []map[string]any
		require.NoError(t, json.Unmarshal([]byte(text(t, res)), &all))
		require.Equal(t, []any{"a", "http://a/hystrix.stream", "connected", 2.0}, []any{all[0]["name"], all[0]["url"], all[0]["state"], all[0]["subjects"]})
		require.Equal(t, []any{"b", "connection refused"}, []any{all[1]["name"], all[1]["lastError"]})
		require.NotContains(t, all[1], "lastMessage")
	})
}

func TestCloseEndsReadingAndStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, map[string]http.Handler{"a": host(t, 1, 0)})
		a, site := f.sum(t, quillstream.AggregatorSettings{}, "a", "gone")
		time.Sleep(time.Second)
		messages := read(site.open(t, "/"))
		a.Close()
		a.Close()
		ended(t, messages)
		require.Equal(t, http.StatusServiceUnavailable, site.open(t, "/").status)
		dials := f.dialed("gone:80")
		time.Sleep(time.Minute)
		require.Equal(t, dials, f.dialed("gone:80"))
	})
}

func TestAggregatorSettingsAreRefusedWithAllTheirFaults(t *testing.T) {
	_, err := quillstream.NewAggregator(quillstream.AggregatorSettings{})
	require.EqualError(t, err, "quillstream: there are 0 Upstreams: must be 1 to 500")

	_, err = quillstream.NewAggregator(quillstream.AggregatorSettings{
		Upstreams: []quillstream.Upstream{
			{URL: "http://a/x"}, {URL: "http://a/y"}, {URL: "file:///etc/passwd"}, {URL: "http://user:hunter2@:80"}, {URL: "http://user:hunter2@[::"},
		},
		Silence: time.Hour, MaxMessage: 1, Stream: quillstream.StreamSettings{MaxClients: -1},
	})
	require.EqualError(t, err, `quillstream: two upstreams are called "a": give one of them another Name
quillstream: upstream 3: the URL is "file:///etc/passwd": must be http://HOST/PATH or https://HOST/PATH
quillstream: upstream 4: the URL is "http://user:xxxxx@:80": must be http://HOST/PATH or https://HOST/PATH
quillstream: upstream 5: the URL cannot be read: must be http://HOST/PATH or https://HOST/PATH
quillstream: Silence is 1h0m0s: must be 100ms to 10m
quillstream: MaxMessage is 1: must be 1024 to 16777216
quillstream: MaxClients is -1: must be 1 to 10,000`)

	_, err = quillstream.NewAggregator(quillstream.AggregatorSettings{Upstreams: make([]quillstream.Upstream, 501)})
	require.ErrorContains(t, err, "there are 501 Upstreams: must be 1 to 500")
}
