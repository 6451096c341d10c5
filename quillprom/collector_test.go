package quillprom_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

func TestEverySeriesIsThereAtZeroBeforeTheFirstCall(t *testing.T) {
	r := quill.NewRegistry()
	c := circuit(t, r, "dep")
	quill.Bind(c, func(context.Context, int) (int, error) { return 0, nil }).OrElse(1)
	collector := quillprom.New(r, quillprom.Settings{})
	before := scrape(t, collector)
	require.Zero(t, before.growing().sum())
	before.has(t, samples{
		`hystrix_command_event_total{command_name="dep",event="success",terminal="true"}`:               0,
		`hystrix_command_event_total{command_name="dep",event="thread_pool_rejected",terminal="false"}`: 0,
		`hystrix_command_rejected_total{command_name="dep",reason="bulkhead-full"}`:                     0,
		`hystrix_command_fallback_total{command_name="dep",result="answered",step="default"}`:           0,
		`hystrix_command_latency_total_seconds_count{command_name="dep"}`:                               0,
		`hystrix_command_latency_execute_seconds_bucket{command_name="dep",le="0.5"}`:                   0,
		`hystrix_command_is_circuit_breaker_open{command_name="dep"}`:                                   0,
		`hystrix_circuit_breaker_state{command_name="dep",state="closed"}`:                              1,
		`hystrix_circuit_breaker_state{command_name="dep",state="open"}`:                                0,
		`hystrix_circuit_breaker_state{command_name="dep",state="half-open"}`:                           0,
		`hystrix_circuit_breaker_override{command_name="dep",override="none"}`:                          1,
		`hystrix_circuit_breaker_last_transition_timestamp_seconds{command_name="dep"}`:                 0,
		`hystrix_command_max_concurrent{command_name="dep"}`:                                            10,
		`hystrix_command_queue_limit{command_name="dep"}`:                                               0,
		`hystrix_command_timeout_seconds{command_name="dep"}`:                                           1,
		`hystrix_thread_pool_max_concurrent{pool_name="dep"}`:                                           10,
		`hystrix_thread_pool_threads_executed_total{pool_name="dep"}`:                                   0,
		`hystrix_commands{series="own"}`:                                                                1,
		`hystrix_commands{series="summed"}`:                                                             0,
	})

	calls(c, 2, errSick)
	_, _ = quill.Bind(c, func(context.Context, int) (int, error) { return 0, errSick }).OrElse(1).Do(t.Context(), 0)
	after := scrape(t, collector)
	for series := range after {
		require.Contains(t, before, series, "a series that a first call brings is missed by increase()")
	}
}

// Each outcome of a call is one event, or two where a fallback is due, and one of them is
// terminal.
func TestEveryOutcomeIsItsEventAndTerminalEventsAreTheCalls(t *testing.T) {
	for isolation, rejected := range map[quill.Isolation]string{
		quill.Pool: "thread_pool_rejected", quill.Semaphore: "semaphore_rejected",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := quill.NewRegistry()
			c := circuit(t, r, "dep", quill.Settings{Isolation: isolation, MaxConcurrent: 1, Timeout: time.Second})
			fallible := quill.Bind(c, func(context.Context, error) (int, error) { return 0, errSick })
			calls(c, 3, nil)
			calls(c, 2, errSick)
			calls(c, 1, quill.Ignore(errSick))
			_, _ = fallible.OrElse(1).Do(t.Context(), nil)
			_, _ = fallible.Fallback("spare", func(context.Context, error, error) (int, error) { return 0, errSick }).Do(t.Context(), nil)
			canceled, cancel := context.WithCancel(t.Context())
			cancel()
			_, _ = fallible.Do(canceled, nil)

			slow := quill.Bind(c, func(ctx context.Context, _ int) (int, error) {
				<-ctx.Done() // the timeout
				return 0, ctx.Err()
			})
			running := slow.Go(t.Context(), 0)
			synctest.Wait()
			busy := scrape(t, quillprom.New(r, quillprom.Settings{}))
			calls(c, 4, nil) // rejected
			_, _ = running.Wait(t.Context())
			synctest.Wait()
			require.NoError(t, c.Override(quill.ForceOpen, 0, "maintenance"))
			calls(c, 5, nil)

			got := scrape(t, quillprom.New(r, quillprom.Settings{}))
			event := func(name, terminal string) string {
				return fmt.Sprintf(`hystrix_command_event_total{command_name="dep",event=%q,terminal=%q}`, name, terminal)
			}
			got.has(t, samples{
				event("success", "true"):            3,
				event("failure", "false"):           4,
				event("bad_request", "true"):        1,
				event("cancelled", "true"):          1,
				event("timeout", "false"):           1,
				event(rejected, "false"):            4,
				event("short_circuited", "false"):   5,
				event("fallback_success", "true"):   1,
				event("fallback_failure", "true"):   1,
				event("fallback_rejection", "true"): 0,
				event("fallback_missing", "true"):   2 + 1 + 4 + 5,
				event("exception_thrown", "false"):  1 + 1 + 12,
				`hystrix_command_rejected_total{command_name="dep",reason="circuit-open"}`:            5,
				`hystrix_command_rejected_total{command_name="dep",reason="bulkhead-full"}`:           4,
				`hystrix_command_fallback_total{command_name="dep",result="answered",step="default"}`: 1,
				`hystrix_command_fallback_total{command_name="dep",result="failed",step="spare"}`:     1,
				`hystrix_command_latency_total_seconds_count{command_name="dep"}`:                     9,
				`hystrix_command_latency_execute_seconds_bucket{command_name="dep",le="0.5"}`:         8,
				`hystrix_command_latency_execute_seconds_bucket{command_name="dep",le="1"}`:           9,
				`hystrix_command_latency_execute_seconds_sum{command_name="dep"}`:                     1,
				`hystrix_command_is_circuit_breaker_open{command_name="dep"}`:                         1,
				`hystrix_circuit_breaker_state{command_name="dep",state="closed"}`:                    1,
				`hystrix_circuit_breaker_override{command_name="dep",override="forced-open"}`:         1,
				`hystrix_circuit_breaker_override{command_name="dep",override="none"}`:                0,
				`hystrix_command_in_flight{command_name="dep"}`:                                       0,
			})
			require.Equal(t, float64(c.Stats().Total.Total()), got.of(`terminal="true"`).sum())
			busy.has(t, samples{
				`hystrix_command_in_flight{command_name="dep"}`:                          1,
				`hystrix_command_execution_semaphore_permits_in_use{command_name="dep"}`: 1,
			})
			if isolation == quill.Pool {
				busy.has(t, samples{`hystrix_thread_pool_threads_active{pool_name="dep"}`: 1})
				got.has(t, samples{`hystrix_thread_pool_threads_executed_total{pool_name="dep"}`: 9})
			} else {
				require.Empty(t, got.of("hystrix_thread_pool"), "a semaphore has no pool")
			}
			time.Sleep(time.Hour)
		})
	}
}

// The page says how many series a circuit costs.
func TestACircuitHasAsManySeriesAsThePageSays(t *testing.T) {
	for _, c := range []struct {
		isolation quill.Isolation
		steps     int
		series    int
	}{{quill.Semaphore, 0, 74}, {quill.Pool, 0, 79}, {quill.Pool, 2, 85}} {
		r := quill.NewRegistry()
		cmd := quill.Bind(circuit(t, r, "dep", quill.Settings{Isolation: c.isolation}), func(context.Context, int) (int, error) { return 0, nil })
		for i := range c.steps {
			cmd = cmd.Fallback(fmt.Sprint(i), func(context.Context, int, error) (int, error) { return 0, nil })
		}
		text := exposition(t, quillprom.New(r, quillprom.Settings{}))
		series := 0
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `_name="dep"`) {
				series++
			}
		}
		require.Equal(t, c.series, series)
	}
}

func TestScrapingMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := quill.NewRegistry()
		c := circuit(t, r, "dep", quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 1, SleepWindow: time.Second})
		calls(c, 1, errSick)
		collector := quillprom.New(r, quillprom.Settings{})
		open := samples{
			`hystrix_circuit_breaker_state{command_name="dep",state="open"}`:                1,
			`hystrix_circuit_breaker_state{command_name="dep",state="half-open"}`:           0,
			`hystrix_command_is_circuit_breaker_open{command_name="dep"}`:                   1,
			`hystrix_circuit_breaker_last_transition_timestamp_seconds{command_name="dep"}`: float64(time.Now().Unix()),
		}
		before := c.Stats()
		for range 3 {
			scrape(t, collector).has(t, open)
			time.Sleep(time.Minute) // the sleep window is over
		}
		require.Equal(t, quill.Open, c.State())
		require.Equal(t, before.Total, c.Stats().Total)
	})
}

func TestLimitsAndTimeoutsThatAreOffAreInfinite(t *testing.T) {
	r := quill.NewRegistry()
	circuit(t, r, "dep", quill.Settings{MaxConcurrent: quill.Unlimited, MaxConcurrentFallbacks: quill.Unlimited, Timeout: quill.NoTimeout})
	scrape(t, quillprom.New(r, quillprom.Settings{})).has(t, samples{
		`hystrix_command_max_concurrent{command_name="dep"}`:           math.Inf(1),
		`hystrix_command_max_concurrent_fallbacks{command_name="dep"}`: math.Inf(1),
		`hystrix_command_timeout_seconds{command_name="dep"}`:          math.Inf(1),
		`hystrix_thread_pool_max_concurrent{pool_name="dep"}`:          math.Inf(1),
	})
}

func TestSharedBulkheadHasSeriesOfItsOwn(t *testing.T) {
	r := quill.NewRegistry()
	db := quill.NewBulkhead("db", quill.BulkheadSettings{Isolation: quill.Semaphore, MaxConcurrent: 7, QueueSize: 3})
	pool := quill.NewBulkhead("pool", quill.BulkheadSettings{MaxConcurrent: 5})
	a, b := circuit(t, r, "a", quill.WithBulkhead(db)), circuit(t, r, "b", quill.WithBulkhead(db))
	circuit(t, r, "c", quill.WithBulkhead(pool))
	circuit(t, r, "d")
	for _, c := range []*quill.Circuit{a, a, b} {
		call, err := c.Begin(t.Context())
		require.NoError(t, err)
		defer call.End(nil)
	}
	got := scrape(t, quillprom.New(r, quillprom.Settings{}))
	got.has(t, samples{
		`hystrix_bulkhead_in_flight{bulkhead_name="db"}`:       3,
		`hystrix_bulkhead_max_concurrent{bulkhead_name="db"}`:  7,
		`hystrix_bulkhead_queue_limit{bulkhead_name="db"}`:     3,
		`hystrix_bulkhead_in_flight{bulkhead_name="pool"}`:     0,
		`hystrix_thread_pool_max_concurrent{pool_name="pool"}`: 5,
		`hystrix_command_in_flight{command_name="a"}`:          2,
		`hystrix_command_in_flight{command_name="b"}`:          1,
	})
	require.Empty(t, got.of(`pool_name="db"`), "a semaphore is no pool")
	require.Empty(t, got.of(`bulkhead_name="d"`), "a circuit's own bulkhead is in the circuit's series")
}

func TestSettingsNameTheSeries(t *testing.T) {
	r := quill.NewRegistry()
	circuit(t, r, "billing.charge")
	circuit(t, r, "plain")
	got := scrape(t, quillprom.New(r, quillprom.Settings{
		Namespace: "app", ConstLabels: prometheus.Labels{"zone": "a"},
		Group: func(name string) string {
			group, _, found := strings.Cut(name, ".")
			if !found {
				return ""
			}
			return group + "\xff"
		},
		Buckets: []time.Duration{time.Second},
	}))
	require.Contains(t, got, `app_hystrix_command_in_flight{command_group="billing�",command_name="billing.charge",zone="a"}`)
	require.Contains(t, got, `app_hystrix_command_in_flight{command_group="default",command_name="plain",zone="a"}`)
	require.Contains(t, got, `app_hystrix_commands{series="own",zone="a"}`)
	require.Len(t, got.of(`latency_total_seconds_bucket`), 2, "one bound for each of two circuits")
}

func TestOneRegistererTakesCollectorsWhoseLabelsDifferInValue(t *testing.T) {
	collector := func(name string, s quillprom.Settings) *quillprom.Collector {
		r := quill.NewRegistry()
		circuit(t, r, name)
		return quillprom.New(r, s)
	}
	zone := func(value string) quillprom.Settings {
		return quillprom.Settings{ConstLabels: prometheus.Labels{"zone": value}}
	}
	metrics := prometheus.NewPedanticRegistry()
	require.NoError(t, metrics.Register(collector("dep", zone("a"))))
	require.NoError(t, metrics.Register(collector("dep", zone("b"))))
	require.NoError(t, metrics.Register(collector("dep", quillprom.Settings{Namespace: "app"})))
	for what, s := range map[string]quillprom.Settings{
		"no label": {}, "the same value": zone("a"), "another name": {ConstLabels: prometheus.Labels{"shard": "1"}},
	} {
		require.Error(t, metrics.Register(collector("dep", s)), what)
	}
	families, err := metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "hystrix_command_in_flight" {
			require.Len(t, f.GetMetric(), 2)
			require.Contains(t, f.GetMetric()[0].String(), `value:"a"`)
			require.Contains(t, f.GetMetric()[1].String(), `value:"b"`)
			return
		}
	}
	require.Fail(t, "the metric is not there")
}

func TestBridgeNamesAddWhatOnlyTheBridgeHas(t *testing.T) {
	r := quill.NewRegistry()
	calls(circuit(t, r, "dep"), 2, nil)
	require.Empty(t, scrape(t, quillprom.New(r, quillprom.Settings{})).of("collapsed"))
	scrape(t, quillprom.New(r, quillprom.Settings{BridgeNames: true})).has(t, samples{
		`hystrix_command_event_total{command_name="dep",event="collapsed",terminal="false"}`: 0,
		`hystrix_thread_pool_thread_active_count{pool_name="dep"}`:                           0,
		`hystrix_thread_pool_completed_task_count{pool_name="dep"}`:                          2,
		`hystrix_thread_pool_total_task_count{pool_name="dep"}`:                              2,
	})
}

func TestBadSettingsPanicWithASentence(t *testing.T) {
	for says, s := range map[string]quillprom.Settings{
		`quillprom: Namespace "my app": must be letters, digits and underscores, no digit first`: {Namespace: "my app"},
		`quillprom: Namespace "1a": must be letters, digits and underscores, no digit first`:     {Namespace: "1a"},
		`quillprom: MaxNames -1: must be 1 or more, or 0 for 1000`:                               {MaxNames: -1},
		`quillprom: Buckets [1s 1s]: must ascend, from above 0`:                                  {Buckets: []time.Duration{time.Second, time.Second}},
		`quillprom: Buckets [2s 1s]: must ascend, from above 0`:                                  {Buckets: []time.Duration{2 * time.Second, time.Second}},
		`quillprom: Buckets [0s]: must ascend, from above 0`:                                     {Buckets: []time.Duration{0}},
	} {
		require.PanicsWithValue(t, says, func() { quillprom.New(nil, s) })
	}
}

func TestNilRegistryIsTheDefaultOne(t *testing.T) {
	quill.NewCircuit("default-registry")
	defer quill.DefaultRegistry.Remove("default-registry")
	require.NotEmpty(t, scrape(t, quillprom.New(nil, quillprom.Settings{})).of("default-registry"))
}

func TestMetricsPassTheLinter(t *testing.T) {
	r := quill.NewRegistry()
	shared := quill.NewBulkhead("db", quill.BulkheadSettings{})
	calls(circuit(t, r, "dep", quill.WithBulkhead(shared)), 3, errSick)
	p := prometheus.NewPedanticRegistry()
	p.MustRegister(quillprom.New(r, quillprom.Settings{}))
	problems, err := testutil.GatherAndLint(p)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// Scrapes, calls, and circuits that come, go and change, all at once: every scrape is whole
// and none is behind the one before it.
func TestScrapesAndTrafficAtOnce(t *testing.T) {
	r := quill.NewRegistry()
	collector := quillprom.New(r, quillprom.Settings{MaxNames: 4})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("dep-%d", (i+worker)%8)
				c, err := r.Circuit(name)
				if err != nil {
					panic(err)
				}
				_, _ = quill.Bind(c, func(context.Context, int) (int, error) { return 0, errSick }).OrElse(1).Do(ctx, 0)
				switch i % 16 {
				case 3:
					r.Remove(name)
				case 7:
					_ = c.Configure(quill.Settings{Isolation: quill.Semaphore})
				case 11:
					_ = c.Override(quill.ForceOpen, 0, "")
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			before := samples{}
			for range 50 {
				now := scrape(t, collector)
				now.grewFrom(t, before)
				before = now
			}
			stop()
		})
	}
	wg.Wait()
	stop()
}
