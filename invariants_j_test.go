package quill_test

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// Configuration: docs/invariants.md, section J.

// drawBad draws settings of which some fields are out of range, and names those.
func drawBad(t *rapid.T) (s quill.Settings, fields []string) {
	for _, r := range rules {
		bad := r.badValues()
		if len(bad) == 0 || !rapid.Bool().Draw(t, r.name+" is bad") {
			continue
		}
		r.put(&s, rapid.SampledFrom(bad).Draw(t, r.name))
		fields = append(fields, r.name)
	}
	return s, fields
}

// drawGood draws settings that a circuit can work by. They leave the window as it is.
func drawGood(t *rapid.T) quill.Settings {
	some := func(name string, low, high int) int { return rapid.IntRange(low, high).Draw(t, name) }
	return quill.Settings{
		Isolation:              quill.Isolation(some("isolation", 0, 1)),
		Timeout:                time.Duration(some("timeout", 10, 1000)) * ms,
		MaxConcurrent:          some("slots", 1, 20),
		QueueSize:              some("places", 0, 20),
		RequestVolumeThreshold: some("volume", 1000, 2000),
		ErrorPercentThreshold:  float64(some("percent", 1, 100)),
		IgnoreRejected:         rapid.Bool().Draw(t, "ignore rejected"),
		SleepWindow:            time.Duration(some("sleep", 1, 1000)) * ms,
		Probes:                 some("probes", 1, 5),
		MaxConcurrentFallbacks: some("fallbacks", 1, 20),
		FallbackTimeout:        time.Duration(some("fallback", 1, 1000)) * ms,
	}
}

// TestJ01BadSettingsAreRefusedAtEveryDoorWithAllTheirProblems: Validate, Configure, the
// registry and New say the same of any number of bad fields at once.
func TestJ01BadSettingsAreRefusedAtEveryDoorWithAllTheirProblems(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{})
	refused := 0
	rapid.Check(t, func(rt *rapid.T) {
		s, want := drawBad(rt)
		if len(want) == 0 {
			return
		}
		refused += len(want)
		require.Subset(rt, fieldsOf(problems(t, s.Validate())), want)
		for _, p := range problems(t, s.Validate()) {
			require.NotEmpty(rt, p.Value)
			require.NotEmpty(rt, p.Allowed)
		}
		text := s.Validate().Error()[len("quill: settings"):]
		require.EqualError(rt, c.Configure(s), "quill: settings of \"dep\""+text)

		r := quill.NewRegistry()
		_, err := r.Circuit("dep", s)
		require.EqualError(rt, err, "quill: settings of \"dep\""+text)
		value, _ := catch(func() { quill.NewCircuit("dep", s, quill.WithRegistry(r)) })
		require.Equal(rt, "quill: settings of \"dep\""+text, value)
		require.Zero(rt, r.Len())
	})
	t.Logf("%d bad fields refused", refused)
	if !testing.Short() { // rapid tries fewer then
		require.Greater(t, refused, 300)
	}
	require.Equal(t, quill.Settings{}, c.Settings())
}

// TestJ02ABadUpdateLeavesTheLastGoodOneInForce: whatever comes after what, one by one or
// for several circuits at once.
func TestJ02ABadUpdateLeavesTheLastGoodOneInForce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := quill.NewRegistry()
		names := []string{"a", "b"}
		inForce, refused := map[string]quill.Settings{}, map[string]uint64{}
		for _, name := range names {
			_, err := r.Circuit(name)
			require.NoError(rt, err)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"one, good": func(rt *rapid.T) {
				name := rapid.SampledFrom(names).Draw(rt, "name")
				c, _ := r.Lookup(name)
				inForce[name] = drawGood(rt)
				require.NoError(rt, c.Configure(inForce[name]))
			},
			"one, bad": func(rt *rapid.T) {
				c, _ := r.Lookup(rapid.SampledFrom(names).Draw(rt, "name"))
				if s, bad := drawBad(rt); len(bad) > 0 {
					require.Error(rt, c.Configure(s))
					refused[c.Name()]++
				}
			},
			"both, good": func(rt *rapid.T) {
				inForce = map[string]quill.Settings{"a": drawGood(rt), "b": drawGood(rt)}
				require.NoError(rt, r.Configure(inForce))
			},
			"both, one of them bad": func(rt *rapid.T) {
				if s, bad := drawBad(rt); len(bad) > 0 {
					require.Error(rt, r.Configure(map[string]quill.Settings{"a": drawGood(rt), "b": s}))
					require.Error(rt, r.Configure(map[string]quill.Settings{"a": s, "b": drawGood(rt)}))
					refused["a"] += 2
					refused["b"] += 2
				}
			},
			"both, and one that does not exist": func(rt *rapid.T) {
				require.Error(rt, r.Configure(map[string]quill.Settings{"a": drawGood(rt), "c": {}}))
				refused["a"]++
			},
			"": func(rt *rapid.T) {
				for _, name := range names {
					c, _ := r.Lookup(name)
					require.Equal(rt, inForce[name], c.Settings())
					require.Equal(rt, refused[name], c.Stats().ConfigRejected, "refused updates of %s", name)
					b, want := c.Bulkhead().Stats(), inForce[name].WithDefaults()
					require.Equal(rt, want.MaxConcurrent, b.MaxConcurrent)
					require.Equal(rt, want.QueueSize, b.QueueSize)
				}
			},
		})
	})
}

// TestJ03OneCallSeesOneVersion changes the settings between any two looks that a call could
// take at them: its timeout, and that of its fallback, are of the same version.
func TestJ03OneCallSeesOneVersion(t *testing.T) {
	versions := []quill.Settings{
		{Timeout: 100 * ms, FallbackTimeout: 100 * ms, MaxConcurrentFallbacks: 1},
		{Timeout: 200 * ms, FallbackTimeout: 200 * ms, MaxConcurrentFallbacks: 2},
	}
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var configure func()
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, quill.WithClassifier(func(error) quill.Verdict {
			configure()
			return quill.CountFailure
		}))
		now := 0
		configure = func() {
			now = 1 - now
			s := versions[now]
			s.Isolation = isolation
			require.NoError(t, c.Configure(s))
		}
		left := func(ctx context.Context) time.Duration {
			at, ok := ctx.Deadline()
			require.True(t, ok)
			return time.Until(at)
		}
		for range 10 {
			configure()
			want := versions[now].Timeout
			var own, fallback time.Duration
			_, err := unadorned(c, func(ctx context.Context) error {
				configure()
				own = left(ctx)
				return errSick
			}).Fallback("spare", func(ctx context.Context, _ int, _ error) (int, error) {
				configure()
				fallback = left(ctx)
				return 1, nil
			}).Do(t.Context(), 1)
			require.NoError(t, err)
			require.Equal(t, want, own)
			require.Equal(t, want, fallback)
		}
	})
}

// TestJ03InARaceToo: in real time, two versions and many calls.
func TestJ03InARaceToo(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{MaxConcurrent: 100, RequestVolumeThreshold: 1e6})
	versions := []time.Duration{10 * time.Second, 20 * time.Second}
	require.NoError(t, c.Configure(quill.Settings{Timeout: versions[0], FallbackTimeout: versions[0], RequestVolumeThreshold: 1e6}))
	end := make(chan struct{})
	var operator sync.WaitGroup
	operator.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			default:
				_ = c.Configure(quill.Settings{Timeout: versions[i%2], FallbackTimeout: versions[i%2], RequestVolumeThreshold: 1e6})
			}
		}
	})
	version := func(ctx context.Context) time.Duration {
		at, _ := ctx.Deadline()
		return time.Until(at).Round(10 * time.Second)
	}
	for range 3000 {
		var own, fallback time.Duration
		_, _ = unadorned(c, func(ctx context.Context) error { own = version(ctx); return errSick }).
			Fallback("spare", func(ctx context.Context, _ int, _ error) (int, error) { fallback = version(ctx); return 1, nil }).
			Do(t.Context(), 1)
		require.Equal(t, own, fallback)
	}
	close(end)
	operator.Wait()
}

// TestJ04ReadsAndUpdatesAreRaceFree is for the race detector: everything that reads or
// writes settings, at once.
func TestJ04ReadsAndUpdatesAreRaceFree(t *testing.T) {
	r := quill.NewRegistry()
	c, err := r.Circuit("dep", quill.Settings{Timeout: time.Minute})
	require.NoError(t, err)
	defer c.Bulkhead().DismissWorkers()
	var wg sync.WaitGroup
	for i, f := range []func(i int){
		func(i int) { _ = c.Configure(quill.Settings{MaxConcurrent: 1 + i%5, RollingBuckets: 1 + i%3}) },
		func(i int) { _ = c.Configure(quill.Settings{Probes: -1}) },
		func(i int) {
			_ = r.Configure(map[string]quill.Settings{"dep": {SleepWindow: time.Duration(1+i) * ms, RollingCalls: 100}})
		},
		func(int) { _ = c.Bulkhead().Resize(5, 5) },
		func(i int) { _ = c.Override(quill.Override(i%4), ms, "test") },
		func(int) { _ = c.Settings().WithDefaults() },
		func(int) { _, _ = c.Stats(), c.State() },
		func(int) { _, _ = r.Circuit("dep") },
		func(int) { _ = call(t, c, errSick) },
		func(int) { _ = call(t, c, nil) },
		func(int) { c.Reset() },
	} {
		wg.Go(func() {
			for j := range 200 {
				f(i + j)
			}
		})
	}
	wg.Wait()
}

// TestJ05ChangingSettingsResetsNothing: state, counts and evidence stay, but for the window
// that was asked for anew.
func TestJ05ChangingSettingsResetsNothing(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, rt *rapid.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1000})
		for range rapid.IntRange(0, 10).Draw(rt, "successes") {
			require.NoError(rt, call(t, c, nil))
		}
		calls(t, c, rapid.IntRange(0, 10).Draw(rt, "failures"), errSick)
		if rapid.Bool().Draw(rt, "opened") {
			require.NoError(rt, c.Configure(quill.Settings{RequestVolumeThreshold: 1, ErrorPercentThreshold: 1}))
			calls(t, c, 1, errSick)
			require.Equal(rt, quill.Open, c.State())
			if rapid.Bool().Draw(rt, "half-open") {
				pass(5 * time.Second)
				k, err := c.Begin(t.Context())
				require.NoError(rt, err)
				defer func() { _, _ = k.End(nil) }()
				require.Equal(rt, quill.HalfOpen, c.State())
			}
		}
		before := c.Stats()
		for range 5 {
			require.NoError(rt, c.Configure(drawGood(rt)))
			synctest.Wait()
			now := c.Stats()
			require.Equal(rt, before.State, now.State)
			require.Equal(rt, before.Health, now.Health)
			require.Equal(rt, before.Window, now.Window)
			require.Equal(rt, before.Total, now.Total)
			require.Equal(rt, before.RetryAfter, now.RetryAfter, "the sleep window that has begun stays as it is")
			require.Equal(rt, before.Probes, now.Probes)
			require.Equal(rt, before.TotalExecution.Count(), now.TotalExecution.Count())
			require.Equal(rt, before.LastTransition, now.LastTransition)
		}
	})
}

// TestJ06ThousandsOfUpdatesLeaveNothing: 60,000 of them (6,000 with -short) while calls run,
// windows included; with QUILL_THOROUGH set in the environment 600,000, as many as ten thousand a second make in a
// minute.
func TestJ06ThousandsOfUpdatesLeaveNothing(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore})
	var entered, returned atomic.Uint64
	update := func(n int) (heap uint64) {
		end := make(chan struct{})
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				for {
					select {
					case <-end:
						return
					default:
					}
					entered.Add(1)
					_, _ = quill.Do(context.Background(), c, func(context.Context) (int, error) { runtime.Gosched(); return 0, nil })
					returned.Add(1)
				}
			})
		}
		for i := range n {
			require.NoError(t, c.Configure(quill.Settings{
				Isolation: quill.Semaphore, MaxConcurrent: 1 + i%7, RollingBuckets: 1 + i%10,
				RollingCalls: 20 * (i % 3), Timeout: time.Duration(1+i%100) * time.Second,
			}))
		}
		close(end)
		callers.Wait()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	updates := 60_000
	if testing.Short() {
		updates = 6000
	}
	if os.Getenv("QUILL_THOROUGH") != "" {
		updates = 600_000
	}
	goroutines, heap := runtime.NumGoroutine(), update(1000)
	require.Less(t, update(updates), heap+2<<20)
	require.Less(t, runtime.NumGoroutine(), goroutines+10, "none per update")
	require.Equal(t, entered.Load(), returned.Load())
	require.Equal(t, entered.Load(), c.Stats().Total.Total())
	t.Logf("%d calls met %d updates", entered.Load(), updates)
	requireNothingHeld(t, c)
}
