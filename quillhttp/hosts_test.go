//nolint:bodyclose // finish closes bodies, or the test itself; a refused request has none
package quillhttp

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// ask sends a request and reads the answer; it returns RoundTrip's error.
func ask(t *testing.T, tr *Transport, url string) error {
	t.Helper()
	resp, err := tr.RoundTrip(newRequest(t, "GET", url, nil))
	if err == nil {
		finish(t, resp)
	}
	return err
}

func names(reg *quill.Registry) (all []string) {
	for c := range reg.All() {
		all = append(all, c.Name())
	}
	return all
}

func TestOriginNamesWhatIsConnectedTo(t *testing.T) {
	for in, want := range map[string]string{
		"http://a":                           "http://a",
		"http://a:80/p?q#f":                  "http://a",
		"https://a:443":                      "https://a",
		"https://a:80":                       "https://a:80",
		"http://a:443":                       "http://a:443",
		"HTTP://User:Pass@API.Example:8082/": "http://api.example:8082",
		"http://[::1]:8082":                  "http://[::1]:8082",
		"http://[::1]":                       "http://[::1]",
		"http://[FE80::1]:80":                "http://[fe80::1]",
		"http://a:":                          "http://a",
		"gopher://a:70":                      "gopher://a:70",
		"http://*/":                          "http://*:80", // not OtherHosts
		"HTTP://*:80":                        "http://*:80",
		"http://*:81":                        "http://*:81",
		"https://*/":                         "https://*",
		"/path":                              "",
		"http://:80/":                        "",
	} {
		u, err := url.Parse(in)
		require.NoError(t, err)
		got := Origin(&http.Request{URL: u})
		require.Equal(t, want, got, in)
		if got != "" {
			require.NoError(t, quill.CheckName(got))
		}
	}
	require.Empty(t, Origin(&http.Request{}))
}

func TestEachHostHasACircuitOfItsOwn(t *testing.T) {
	reg := quill.NewRegistry()
	tr := PerHost(Hosts{Registry: reg, Settings: quill.Settings{RequestVolumeThreshold: 1}},
		roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "sick" {
				return nil, errBroken
			}
			return respond(r, 200, newTracked("")), nil
		}))
	require.ErrorIs(t, ask(t, tr, "http://sick/"), errBroken)
	require.ErrorIs(t, ask(t, tr, "http://sick/"), quill.ErrOpen)
	require.NoError(t, ask(t, tr, "http://well/"))
	require.NoError(t, ask(t, tr, "http://well:80/x"))
	require.Equal(t, []string{"http://sick", "http://well"}, names(reg))
	well, _ := reg.Lookup("http://well")
	settled(t, well, quill.Counts{Success: 2})
}

// No request runs on a worker, so that a pool would be one in name only.
func TestCircuitsThatAreMadeAreSemaphores(t *testing.T) {
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		reg := quill.NewRegistry()
		tr := PerHost(Hosts{
			Registry: reg, MaxHosts: 1, Settings: quill.Settings{Isolation: isolation, MaxConcurrent: 7},
			Options: []quill.Option{quill.WithColdPool()},
		}, answering(200, ""))
		require.NoError(t, ask(t, tr, "http://a/"))
		require.NoError(t, ask(t, tr, "http://b/"))
		require.Equal(t, []string{OtherHosts, "http://a"}, names(reg))
		for c := range reg.All() {
			require.Equal(t, quill.Semaphore, c.Stats().Settings.Isolation)
			require.Equal(t, quill.Semaphore, c.Bulkhead().Isolation())
			require.Contains(t, strings.Join(c.Settings().InWords(), " "), "At most 7 calls run at once, on the goroutine of their caller")
		}
	}
}

func TestSharedBulkheadOfHostsStaysWhatItIs(t *testing.T) {
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		reg, shared := quill.NewRegistry(), quill.NewBulkhead("all hosts", quill.BulkheadSettings{Isolation: isolation})
		tr := PerHost(Hosts{Registry: reg, Options: []quill.Option{quill.WithBulkhead(shared)}}, answering(200, ""))
		require.NoError(t, ask(t, tr, "http://a/"))
		a, ok := reg.Lookup("http://a")
		require.True(t, ok)
		require.Same(t, shared, a.Bulkhead())
		require.Equal(t, isolation, a.Stats().Settings.Isolation)
	}
}

func TestNumberOfCircuitsIsBounded(t *testing.T) {
	reg := quill.NewRegistry()
	tr := PerHost(Hosts{Registry: reg, MaxHosts: 100}, answering(200, ""))
	for i := range 10_000 {
		require.NoError(t, ask(t, tr, fmt.Sprintf("http://h%d/", i)))
	}
	require.Equal(t, 101, reg.Len())
	other, ok := reg.Lookup(OtherHosts)
	require.True(t, ok)
	settled(t, other, quill.Counts{Success: 9_900})
}

// The host "*" is one like others: its ill health is not theirs.
func TestHostCalledStarHasACircuitOfItsOwn(t *testing.T) {
	reg := quill.NewRegistry()
	tr := PerHost(Hosts{Registry: reg, MaxHosts: 2, Settings: quill.Settings{RequestVolumeThreshold: 1}},
		roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Hostname() == "*" {
				return nil, errBroken
			}
			return respond(r, 200, newTracked("")), nil
		}))
	require.NoError(t, ask(t, tr, "http://a/"))
	require.ErrorIs(t, ask(t, tr, "http://*/"), errBroken)
	require.ErrorIs(t, ask(t, tr, "http://*/"), quill.ErrOpen)
	require.NoError(t, ask(t, tr, "http://one-too-many/"))
	require.Equal(t, []string{OtherHosts, "http://*:80", "http://a"}, names(reg))
}

func TestBoundHoldsWhileHostsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		tr := PerHost(Hosts{Registry: reg, MaxHosts: 50}, answering(200, ""))
		for i := range 10_000 {
			require.NoError(t, ask(t, tr, fmt.Sprintf("http://h%d/", i)))
			require.LessOrEqual(t, reg.Len(), 51)
			time.Sleep(2 * time.Second)
		}
		require.Equal(t, 50, reg.Len(), "each new host found an idle one to replace")
		require.Len(t, tr.hosts.byName, 50)
		require.Equal(t, 50, tr.hosts.used.Len())
	})
}

func TestTheLeastRecentlyUsedIdleCircuitMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		tr := PerHost(Hosts{Registry: reg, MaxHosts: 2, IdleAfter: time.Minute}, answering(200, ""))
		require.NoError(t, ask(t, tr, "http://a/"))
		require.NoError(t, ask(t, tr, "http://b/"))
		time.Sleep(50 * time.Second)
		require.NoError(t, ask(t, tr, "http://a/"))
		time.Sleep(10*time.Second - 1)
		require.NoError(t, ask(t, tr, "http://c/"))
		require.Equal(t, []string{OtherHosts, "http://a", "http://b"}, names(reg), "b is idle for just less than a minute")
		time.Sleep(time.Nanosecond)
		require.NoError(t, ask(t, tr, "http://c/"))
		require.Equal(t, []string{OtherHosts, "http://a", "http://c"}, names(reg))
	})
}

func TestEvictionTakesNothingOfWorth(t *testing.T) {
	sick := roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Host, "sick") {
			return nil, errBroken
		}
		return respond(r, 200, newTracked("text")), nil
	})
	for name, prepare := range map[string]func(t *testing.T, tr *Transport, c *quill.Circuit){
		"open": func(t *testing.T, tr *Transport, c *quill.Circuit) {
			t.Helper()
			require.ErrorIs(t, ask(t, tr, "http://sick/"), errBroken)
			require.Equal(t, quill.Open, c.State())
		},
		"half-open": func(t *testing.T, tr *Transport, c *quill.Circuit) {
			t.Helper()
			require.ErrorIs(t, ask(t, tr, "http://sick/"), errBroken)
			time.Sleep(5 * time.Second)
			call, err := c.Begin(t.Context())
			require.NoError(t, err)
			require.Equal(t, quill.HalfOpen, c.State())
			t.Cleanup(func() { _, _ = call.End(nil) })
		},
		"forced open":   override(quill.ForceOpen),
		"forced closed": override(quill.ForceClosed),
		"disabled":      override(quill.Disabled),
		"configured": func(t *testing.T, _ *Transport, c *quill.Circuit) {
			t.Helper()
			require.NoError(t, c.Configure(quill.Settings{MaxConcurrent: 99}))
		},
		"a call of somebody else": func(t *testing.T, _ *Transport, c *quill.Circuit) {
			t.Helper()
			call, err := c.Begin(t.Context())
			require.NoError(t, err)
			t.Cleanup(func() { _, _ = call.End(nil) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := quill.NewRegistry()
				tr := PerHost(Hosts{Registry: reg, MaxHosts: 1, Settings: quill.Settings{RequestVolumeThreshold: 2}}, sick)
				require.Error(t, ask(t, tr, "http://sick/"))
				c, ok := reg.Lookup("http://sick")
				require.True(t, ok)
				prepare(t, tr, c)
				time.Sleep(time.Hour)
				require.NoError(t, ask(t, tr, "http://new/"))
				kept, ok := reg.Lookup("http://sick")
				require.True(t, ok)
				require.Same(t, c, kept)
				_, ok = reg.Lookup("http://new")
				require.False(t, ok)
			})
		})
	}
}

func override(o quill.Override) func(*testing.T, *Transport, *quill.Circuit) {
	return func(t *testing.T, _ *Transport, c *quill.Circuit) {
		t.Helper()
		require.NoError(t, c.Override(o, 0, "by hand"))
	}
}

func TestHostWhoseBodyIsStillReadIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		tr := PerHost(Hosts{Registry: reg, MaxHosts: 1}, answering(200, "text"))
		resp, err := tr.RoundTrip(newRequest(t, "GET", "http://stream/", nil))
		require.NoError(t, err)
		time.Sleep(time.Hour)
		require.NoError(t, ask(t, tr, "http://new/"))
		require.Equal(t, []string{OtherHosts, "http://stream"}, names(reg))

		require.NoError(t, resp.Body.Close())
		require.NoError(t, ask(t, tr, "http://new/"))
		require.Equal(t, []string{OtherHosts, "http://stream"}, names(reg), "idle from now on")
		time.Sleep(time.Minute)
		require.NoError(t, ask(t, tr, "http://new/"))
		require.Equal(t, []string{OtherHosts, "http://new"}, names(reg))
	})
}

func TestHostIsNotEvictedUnderACallThatIsAboutToBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		h := newHosts(Hosts{Registry: reg, MaxHosts: 1})
		a, circuit, err := h.enter("http://a")
		require.NoError(t, err)
		time.Sleep(time.Hour) // nothing is in flight yet
		_, other, err := h.enter("http://b")
		require.NoError(t, err)
		require.Equal(t, OtherHosts, other.Name())
		h.leave(a)
		kept, ok := reg.Lookup("http://a")
		require.True(t, ok)
		require.Same(t, circuit, kept)
	})
}

// A host that closes again, or is let go, makes room in the end, however many around it
// must stay.
func TestCircuitsThatMustStayDoNotHideThoseThatMayGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		tr := PerHost(Hosts{Registry: reg, MaxHosts: 101}, answering(200, ""))
		for i := range 100 {
			require.NoError(t, ask(t, tr, fmt.Sprintf("http://held%d/", i)))
		}
		require.NoError(t, ask(t, tr, "http://idle/"))
		for c := range reg.All() {
			if c.Name() != "http://idle" {
				require.NoError(t, c.Override(quill.ForceClosed, 0, ""))
			}
		}
		time.Sleep(time.Hour)
		for range 10 { // each looks at a few
			require.NoError(t, ask(t, tr, "http://new/"))
		}
		_, ok := reg.Lookup("http://new")
		require.True(t, ok)
		require.Equal(t, 102, reg.Len(), "and the one for others")
	})
}

func TestCircuitMadeBeforehandIsUsedAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		mine := quill.NewCircuit("http://mine", quill.WithRegistry(reg), quill.Settings{MaxConcurrent: 77})
		tr := PerHost(Hosts{Registry: reg, MaxHosts: 1}, answering(200, ""))
		require.NoError(t, ask(t, tr, "http://mine/"))
		require.NoError(t, ask(t, tr, "http://a/"))
		time.Sleep(time.Hour)
		require.NoError(t, ask(t, tr, "http://b/"))
		require.Equal(t, []string{"http://b", "http://mine"}, names(reg), "it counts towards no bound and stays")
		settled(t, mine, quill.Counts{Success: 1})
	})
}

func TestCircuitThatWasRemovedIsMadeAnew(t *testing.T) {
	reg := quill.NewRegistry()
	tr := PerHost(Hosts{Registry: reg, MaxHosts: 1}, answering(200, ""))
	require.NoError(t, ask(t, tr, "http://a/"))
	resp, err := tr.RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.NoError(t, err)
	first, _ := reg.Lookup("http://a")
	require.True(t, reg.Remove("http://a"))
	require.NoError(t, ask(t, tr, "http://a/"))
	second, ok := reg.Lookup("http://a")
	require.True(t, ok)
	require.NotSame(t, first, second)
	require.NoError(t, resp.Body.Close())
	settled(t, first, quill.Counts{Success: 2})
	require.Equal(t, []string{"http://a"}, names(reg))
	require.Equal(t, 1, tr.hosts.used.Len())
}

func TestTransportsOfOneRegistryShareCircuits(t *testing.T) {
	reg := quill.NewRegistry()
	h := Hosts{Registry: reg, Options: []quill.Option{quill.WithHooks(quill.Hooks{})}}
	one, two := PerHost(h, answering(200, "")), PerHost(h, answering(500, ""))
	require.NoError(t, ask(t, one, "http://a/"))
	require.NoError(t, ask(t, two, "http://a/"))
	require.Equal(t, 1, reg.Len())
	c, _ := reg.Lookup("http://a")
	settled(t, c, quill.Counts{Success: 1, Failure: 1})
}

func TestNameChoosesTheCircuit(t *testing.T) {
	reg := quill.NewRegistry()
	tr := PerHost(Hosts{Registry: reg, Name: func(r *http.Request) string { return r.Header.Get("X-Name") }},
		answering(200, ""))
	for _, name := range []string{"movies", "movies", "", strings.Repeat("x", 300), "bad\nname", OtherHosts} {
		req := newRequest(t, "GET", "http://a/", nil)
		req.Header["X-Name"] = []string{name}
		resp, err := tr.RoundTrip(req)
		require.NoError(t, err)
		finish(t, resp)
	}
	require.Equal(t, []string{OtherHosts, "movies"}, names(reg), "none without a name, and none with a bad one")
	movies, _ := reg.Lookup("movies")
	settled(t, movies, quill.Counts{Success: 2})
	other, _ := reg.Lookup(OtherHosts)
	settled(t, other, quill.Counts{Success: 3})
}

func TestRequestWithoutAHostGoesUnguarded(t *testing.T) {
	reg := quill.NewRegistry()
	tr := PerHost(Hosts{Registry: reg}, http.DefaultTransport)
	body := newTracked("x")
	_, err := tr.RoundTrip(&http.Request{Method: http.MethodPost, Body: body})
	require.Error(t, err)
	require.EqualValues(t, 1, body.closed.Load())
	require.Zero(t, reg.Len())
}

func TestHostsAreValidated(t *testing.T) {
	require.NoError(t, Hosts{}.Validate())
	require.NoError(t, Hosts{Settings: quill.Settings{RollingWindow: 10 * time.Minute}}.Validate())
	require.NoError(t, Hosts{MaxHosts: 1_000_000, IdleAfter: 24 * time.Hour}.Validate())
	for want, h := range map[string]Hosts{
		"MaxHosts is 1000001: must be 1 to 1,000,000":              {MaxHosts: 1_000_001},
		"IdleAfter is 9s: must be 10s (RollingWindow) to 24h":      {IdleAfter: 9 * time.Second},
		"IdleAfter is 24h0m1s: must be 10s (RollingWindow) to 24h": {IdleAfter: 24*time.Hour + time.Second},
		"IdleAfter is -1ns: must be 10s (RollingWindow) to 24h":    {IdleAfter: -1},
		"Probes":           {Settings: quill.Settings{Probes: -1}},
		"an option is nil": {Options: []quill.Option{nil}},
		"twice":            {Options: []quill.Option{quill.Settings{}}},
		"registry":         {Options: []quill.Option{quill.WithRegistry(quill.NewRegistry())}},
	} {
		require.ErrorContains(t, h.Validate(), want)
	}
	require.Zero(t, quill.DefaultRegistry.Len(), "validating leaves nothing behind")
}
