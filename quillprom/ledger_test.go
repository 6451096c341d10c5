package quillprom_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
	"weak"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

var onCaller = quill.Settings{Isolation: quill.Semaphore}

func successes(name string) string {
	return fmt.Sprintf(`hystrix_command_event_total{command_name=%q,event="success",terminal="true"}`, name)
}

func TestNamesBeyondTheLimitAreSummed(t *testing.T) {
	r := quill.NewRegistry()
	collector := quillprom.New(r, quillprom.Settings{MaxNames: 2, Group: func(string) string { return "mine" }})
	for i, name := range []string{"m", "n"} {
		calls(circuit(t, r, name, onCaller), i+1, nil)
	}
	first := scrape(t, collector)
	require.Empty(t, first.of(`="other"`), "nothing is summed yet")
	for i, name := range []string{"a", "b", "c"} { // before the others in the alphabet: first come, first named
		calls(circuit(t, r, name), 10*(i+1), nil)
	}
	got := scrape(t, collector)
	got.grewFrom(t, first)
	for series, v := range map[string]float64{
		`hystrix_command_event_total{command_group="mine",command_name="m",event="success",terminal="true"}`:      1,
		`hystrix_command_event_total{command_group="mine",command_name="n",event="success",terminal="true"}`:      2,
		`hystrix_command_event_total{command_group="other",command_name="other",event="success",terminal="true"}`: 60,
		`hystrix_command_latency_total_seconds_count{command_group="other",command_name="other"}`:                 60,
		`hystrix_circuit_breaker_state{command_group="other",command_name="other",state="closed"}`:                3,
		`hystrix_command_max_concurrent{command_group="other",command_name="other"}`:                              30,
		`hystrix_thread_pool_threads_executed_total{pool_name="a"}`:                                               10,
		`hystrix_thread_pool_threads_executed_total{pool_name="b"}`:                                               20,
		`hystrix_thread_pool_threads_executed_total{pool_name="other"}`:                                           30,
		`hystrix_commands{series="own"}`:    2,
		`hystrix_commands{series="summed"}`: 3,
	} {
		require.Contains(t, got, series)
		require.Equal(t, v, got[series], series)
	}
	require.Empty(t, got.of(`command_name="a"`))
	require.NotContains(t, got, `hystrix_command_timeout_seconds{command_group="other",command_name="other"}`, "timeouts do not add up")
}

func TestRemovedCircuitsLeaveTheirCountsAndNoGauges(t *testing.T) {
	r := quill.NewRegistry()
	collector := quillprom.New(r, quillprom.Settings{MaxNames: 1})
	first, second := circuit(t, r, "first", onCaller), circuit(t, r, "second", onCaller)
	calls(first, 1, nil)
	calls(second, 2, nil)
	before := scrape(t, collector)
	calls(first, 10, nil) // since the last scrape, and then it is gone
	calls(second, 20, nil)
	require.True(t, r.Remove("first"))
	require.True(t, r.Remove("second"))
	removed := scrape(t, collector)
	removed.grewFrom(t, before)
	removed.has(t, samples{successes("first"): 11})
	require.Equal(t, 22.0, removed[`hystrix_command_event_total{command_group="other",command_name="other",event="success",terminal="true"}`])
	require.Empty(t, removed.of("state="))
	require.Empty(t, removed.of("in_flight"))

	calls(circuit(t, r, "third", onCaller), 100, nil)
	calls(circuit(t, r, "first", onCaller), 100, nil) // the name is taken up again
	again := scrape(t, collector)
	again.grewFrom(t, removed)
	again.has(t, samples{
		successes("first"): 111,
		`hystrix_circuit_breaker_state{command_name="first",state="closed"}`: 1,
	})
	require.Equal(t, 122.0, again[`hystrix_command_event_total{command_group="other",command_name="other",event="success",terminal="true"}`])
	require.Empty(t, again.of(`command_name="third"`), "the place of a name that had one is not given away")
}

func TestCircuitNamedOtherIsAmongTheOthers(t *testing.T) {
	r := quill.NewRegistry()
	calls(circuit(t, r, "other", onCaller), 1, nil)
	calls(circuit(t, r, "alone", onCaller), 2, nil)
	calls(circuit(t, r, "second", onCaller), 4, nil)
	calls(circuit(t, r, "summed", onCaller), 8, nil)
	got := scrape(t, quillprom.New(r, quillprom.Settings{MaxNames: 2, Group: func(string) string { return "other" }}))
	require.Equal(t, 9.0, got[`hystrix_command_event_total{command_group="other",command_name="other",event="success",terminal="true"}`])
}

func TestChangedIsolationLetsNoCounterShrink(t *testing.T) {
	r := quill.NewRegistry()
	c := circuit(t, r, "dep", quill.Settings{MaxConcurrent: 1})
	collector := quillprom.New(r, quillprom.Settings{})
	reject := func(n int) {
		call, err := c.Begin(t.Context())
		require.NoError(t, err)
		defer call.End(nil)
		calls(c, n, nil)
	}
	rejected := func(pool, semaphore float64) samples {
		return samples{
			`hystrix_command_event_total{command_name="dep",event="thread_pool_rejected",terminal="false"}`: pool,
			`hystrix_command_event_total{command_name="dep",event="semaphore_rejected",terminal="false"}`:   semaphore,
			`hystrix_command_rejected_total{command_name="dep",reason="bulkhead-full"}`:                     pool + semaphore,
		}
	}
	reject(2)
	before := scrape(t, collector)
	before.has(t, rejected(2, 0))
	require.NoError(t, c.Configure(quill.Settings{MaxConcurrent: 1, Isolation: quill.Semaphore}))
	reject(3)
	after := scrape(t, collector)
	after.has(t, rejected(2, 3))
	after.grewFrom(t, before)
	require.Empty(t, after.of("hystrix_thread_pool_max_concurrent"), "it is no pool any more")
}

func TestGroupThatANameFirstHadStays(t *testing.T) {
	r := quill.NewRegistry()
	circuit(t, r, "dep")
	n := 0
	collector := quillprom.New(r, quillprom.Settings{Group: func(string) string { n++; return fmt.Sprint(n) }})
	before := scrape(t, collector)
	require.Equal(t, before, scrape(t, collector))
}

func TestFallbackStepsBeyondABoundAreSummed(t *testing.T) {
	r := quill.NewRegistry()
	c := circuit(t, r, "dep", onCaller)
	bad := quill.Bind(c, func(context.Context, int) (int, error) { return 0, errSick })
	const steps = 40
	for i := range steps {
		step := fmt.Sprintf("step-%02d", i)
		_, err := bad.Fallback(step, func(context.Context, int, error) (int, error) { return 0, nil }).Do(t.Context(), 0)
		require.NoError(t, err)
	}
	collector := quillprom.New(r, quillprom.Settings{})
	for range 2 { // the second scrape finds nothing new
		got := scrape(t, collector)
		require.Len(t, got.of(`result="answered"`), 33)
		require.Equal(t, float64(steps), got.of(`result="answered"`).sum())
		got.has(t, samples{`hystrix_command_fallback_total{command_name="dep",result="answered",step="other"}`: steps - 32})
	}
}

func TestTwoCollectorsOfOneRegistryAgree(t *testing.T) {
	r := quill.NewRegistry()
	a, b := quillprom.New(r, quillprom.Settings{}), quillprom.New(r, quillprom.Settings{})
	c := circuit(t, r, "dep")
	for range 3 {
		calls(c, 5, errSick)
		scrape(t, a)
	}
	require.Equal(t, scrape(t, a), scrape(t, b), "one that was scraped before, one that was not")
}

// Whatever names circuits have, the collector's output is valid, whole and bounded.
func FuzzNames(f *testing.F) {
	f.Add("dep", "other", "a\nb")
	f.Add("{}", `"\`, "other")
	f.Add("영화", "\xff", "a b")
	f.Fuzz(func(t *testing.T, a, b, group string) {
		r := quill.NewRegistry()
		collector := quillprom.New(r, quillprom.Settings{MaxNames: 1, Group: func(string) string { return group }})
		before, want := samples{}, 0
		for _, name := range []string{a, b, "last"} {
			c, err := r.Circuit(name, onCaller)
			if err != nil {
				continue // not a name
			}
			calls(c, 1, nil)
			want++
			p := prometheus.NewPedanticRegistry()
			p.MustRegister(collector)
			_, err = p.Gather()
			require.NoError(t, err)
			now := scrape(t, collector)
			now.grewFrom(t, before)
			before = now
		}
		require.Equal(t, float64(want), before.of(`event="success"`).sum())
		require.LessOrEqual(t, len(before.of(`event="success"`)), 2)
		require.True(t, slices.ContainsFunc([]float64{1, 2, 3}, func(v float64) bool { return v == float64(want) }))
	})
}

func TestRemovedCircuitsAreNotKeptAlive(t *testing.T) {
	r := quill.NewRegistry()
	collector := quillprom.New(r, quillprom.Settings{})
	alive := func() weak.Pointer[quill.Circuit] {
		c := circuit(t, r, "dep", onCaller)
		calls(c, 3, nil)
		scrape(t, collector)
		r.Remove("dep")
		return weak.Make(c)
	}()
	scrape(t, collector)
	for range 10 {
		runtime.GC()
	}
	require.Nil(t, alive.Value(), "the collector holds a circuit that nobody has")
	scrape(t, collector).has(t, samples{successes("dep"): 3})
}

func TestGroupThatPanicsIsTheDefault(t *testing.T) {
	r := quill.NewRegistry()
	circuit(t, r, "dep", onCaller)
	collector := quillprom.New(r, quillprom.Settings{Group: func(string) string { panic("no group") }})
	scrape(t, collector).has(t, samples{`hystrix_command_in_flight{command_group="default",command_name="dep"}`: 0})
}

// Nothing is kept of a scrape but the sums, also while circuits come and go.
func TestAThousandScrapesLeaveNothingBehind(t *testing.T) {
	r := quill.NewRegistry()
	collector := quillprom.New(r, quillprom.Settings{MaxNames: 10})
	p := prometheus.NewRegistry()
	p.MustRegister(collector)
	round := func(n int) {
		for i := range n {
			name := fmt.Sprintf("dep-%d", i%20)
			calls(circuit(t, r, name, onCaller), 1, nil)
			_, err := p.Gather()
			require.NoError(t, err)
			r.Remove(name)
		}
	}
	round(50)
	goroutines, before := runtime.NumGoroutine(), inUse()
	round(1000)
	require.Less(t, inUse()-before, 256<<10)
	runtime.KeepAlive(p)
	// Gather may return a moment before the last of its own goroutines has ended.
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+1 }, // Eventually's own
		10*time.Second, time.Millisecond)
}

// inUse is how much of the heap is no garbage.
func inUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestK05AMillionNamesHaveNoMoreSeriesThanTheLimitAllows makes circuits of names that never
// come back, ten thousand at a time. With QUILL_THOROUGH set in the environment they are a
// million, else a tenth of that; with -short, a hundredth.
func TestK05AMillionNamesHaveNoMoreSeriesThanTheLimitAllows(t *testing.T) {
	const limit = 10
	atOnce, rounds := 10_000, 10
	if testing.Short() {
		atOnce = 1000
	}
	if os.Getenv("QUILL_THOROUGH") != "" {
		rounds = 100
	}
	r := quill.NewRegistry()
	collector := quillprom.New(r, quillprom.Settings{MaxNames: limit})
	var before samples
	var heap int
	for round := range rounds {
		for i := range atOnce {
			c, err := r.Circuit("n"+strconv.Itoa(round*atOnce+i), onCaller)
			if err != nil {
				require.NoError(t, err)
			}
			c.Report(t.Context(), nil, 0)
		}
		now := scrape(t, collector)
		for i := range atOnce {
			r.Remove("n" + strconv.Itoa(round*atOnce+i))
		}
		gone := scrape(t, collector) // the circuits' accounts are closed
		if round == 0 {
			before, heap = now, inUse()
		}
		now.grewFrom(t, before)
		require.Len(t, now.of(`event="success"`), limit+1)
		require.LessOrEqual(t, len(now), len(before), "series")
		require.Equal(t, float64((round+1)*atOnce), gone.of(`event="success"`).sum(), "nothing is lost")
		before = now
	}
	require.Less(t, inUse(), heap+1<<20, "names that are gone leave nothing")
	runtime.KeepAlive(collector)
}

// TestACircuitMadeDuringAScrapeIsBookedOnce: another scrape comes between the look at the registry
// and the booking of what was seen there.
func TestACircuitMadeDuringAScrapeIsBookedOnce(t *testing.T) {
	r := quill.NewRegistry()
	circuit(t, r, "first")
	var collector *quillprom.Collector
	nested := false
	collector = quillprom.New(r, quillprom.Settings{Group: func(string) string {
		if !nested {
			nested = true
			calls(circuit(t, r, "second"), 1, nil)
			scrape(t, collector)
		}
		return "group"
	}})
	scrape(t, collector)
	require.InDelta(t, 1, scrape(t, collector).of(`command_name="second",event="success"`).sum(), 0)
}
