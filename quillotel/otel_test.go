package quillotel_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillotel"
)

var errSick = errors.New("the dependency is sick")

// collected are values by metric and attributes, such as `name{key=value}`; a histogram's
// are name_count and name_sum.
func collected(t *testing.T, reader *metric.ManualReader) map[string]float64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	all := map[string]float64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			require.NotEmpty(t, m.Unit, m.Name)
			require.NotEmpty(t, m.Description, m.Name)
			series := func(set attribute.Set) string {
				var attrs []string
				for _, kv := range set.ToSlice() {
					attrs = append(attrs, string(kv.Key)+"="+kv.Value.String())
				}
				return m.Name + "{" + strings.Join(attrs, ",") + "}"
			}
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					all[series(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					all[series(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					all[series(p.Attributes)+" count"] = float64(p.Count)
					all[series(p.Attributes)+" sum"] = p.Sum
				}
			default:
				t.Fatalf("%s is of an unexpected kind: %T", m.Name, d)
			}
		}
	}
	return all
}

func has(t *testing.T, all, want map[string]float64) {
	t.Helper()
	for series, v := range want {
		require.Contains(t, all, series)
		require.InDelta(t, v, all[series], 1e-9, series)
	}
}

// play makes calls of every outcome to a circuit that opens.
func play(t *testing.T, ctx context.Context, r *quill.Registry, hooks ...quill.Hooks) *quill.Circuit {
	t.Helper()
	opts := []quill.Option{quill.Settings{RequestVolumeThreshold: 3, MaxConcurrent: 7, Timeout: time.Second}}
	for _, h := range hooks {
		opts = append(opts, quill.WithHooks(h))
	}
	c, err := r.Circuit("dep", opts...)
	require.NoError(t, err)
	cmd := quill.Bind(c, func(ctx context.Context, err error) (int, error) {
		if err == context.DeadlineExceeded {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		time.Sleep(100 * time.Millisecond)
		return 0, err
	})
	_, _ = cmd.Do(ctx, nil)
	_, _ = cmd.OrElse(1).Do(ctx, errSick)
	_, _ = cmd.Do(ctx, context.DeadlineExceeded)
	_, _ = cmd.Do(ctx, nil) // refused
	synctest.Wait()
	require.Equal(t, quill.Open, c.State())
	return c
}

func TestMetricsAreWhatTheCircuitsSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := metric.NewManualReader()
		meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")
		r := quill.NewRegistry()
		registration, err := quillotel.Observe(meter, r)
		require.NoError(t, err)
		durations, err := quillotel.Durations(meter)
		require.NoError(t, err)

		_, err = r.Circuit("idle")
		require.NoError(t, err)
		has(t, collected(t, reader), map[string]float64{ // before the first call
			"hystrix.command.calls{hystrix.command.name=idle,hystrix.command.outcome=success}":                  0,
			"hystrix.circuit_breaker.state{hystrix.circuit_breaker.state=closed,hystrix.command.name=idle}":     1,
			"hystrix.circuit_breaker.override{hystrix.circuit_breaker.override=none,hystrix.command.name=idle}": 1,
			"hystrix.command.limit{hystrix.command.name=idle}":                                                  10,
		})

		c := play(t, t.Context(), r, durations)
		got := collected(t, reader)
		has(t, got, map[string]float64{
			"hystrix.command.calls{hystrix.command.name=dep,hystrix.command.outcome=success}":                                                   1,
			"hystrix.command.calls{hystrix.command.name=dep,hystrix.command.outcome=failure}":                                                   1,
			"hystrix.command.calls{hystrix.command.name=dep,hystrix.command.outcome=timeout}":                                                   1,
			"hystrix.command.calls{hystrix.command.name=dep,hystrix.command.outcome=short-circuited}":                                           1,
			"hystrix.command.calls{hystrix.command.name=dep,hystrix.command.outcome=rejected}":                                                  0,
			"hystrix.command.unanswered{hystrix.command.name=dep,hystrix.unanswered.reason=missing}":                                            2,
			"hystrix.command.unanswered{hystrix.command.name=dep,hystrix.unanswered.reason=failed}":                                             0,
			"hystrix.command.fallbacks{hystrix.command.name=dep,hystrix.fallback.result=answered,hystrix.fallback.step=default}":                1,
			"hystrix.command.in_flight{hystrix.command.name=dep}":                                                                               0,
			"hystrix.command.limit{hystrix.command.name=dep}":                                                                                   7,
			"hystrix.circuit_breaker.open{hystrix.command.name=dep}":                                                                            1,
			"hystrix.circuit_breaker.state{hystrix.circuit_breaker.state=open,hystrix.command.name=dep}":                                        1,
			"hystrix.circuit_breaker.state{hystrix.circuit_breaker.state=closed,hystrix.command.name=dep}":                                      0,
			"hystrix.circuit_breaker.transitions{hystrix.circuit_breaker.from=closed,hystrix.circuit_breaker.to=open,hystrix.command.name=dep}": 1,
			"hystrix.command.duration{hystrix.command.name=dep,hystrix.command.outcome=success} count":                                          1,
			"hystrix.command.duration{hystrix.command.name=dep,hystrix.command.outcome=success} sum":                                            0.1,
			"hystrix.command.execution.duration{hystrix.command.name=dep,hystrix.command.outcome=timeout} sum":                                  1,
		})
		for series := range got {
			require.False(t, strings.Contains(series, "duration") && strings.Contains(series, "short-circuited"),
				"a refused call took no time: %s", series)
		}

		require.NoError(t, c.Override(quill.ForceClosed, 0, ""))
		require.Error(t, c.Configure(quill.Settings{Probes: -1}))
		require.Panics(t, func() {
			_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { panic("run") })
		})
		has(t, collected(t, reader), map[string]float64{
			"hystrix.command.config_rejected{hystrix.command.name=dep}":                                                 1,
			"hystrix.command.panics{hystrix.command.name=dep}":                                                          1,
			"hystrix.circuit_breaker.open{hystrix.command.name=dep}":                                                    0,
			"hystrix.circuit_breaker.override{hystrix.circuit_breaker.override=forced-closed,hystrix.command.name=dep}": 1,
		})
		require.NoError(t, registration.Unregister())
		require.NotContains(t, fmt.Sprint(collected(t, reader)), "hystrix.command.calls")
		time.Sleep(time.Hour)
	})
}

func TestCallThatTimedOutInTheQueueHasNoDuration(t *testing.T) {
	reader := metric.NewManualReader()
	hooks, err := quillotel.Durations(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"))
	require.NoError(t, err)
	hooks.OnCall(t.Context(), quill.CallEvent{Command: "dep", Outcome: quill.Timeout, Wait: time.Second, Total: time.Second})
	require.Empty(t, collected(t, reader))
	hooks.OnCall(t.Context(), quill.CallEvent{Command: "dep", Outcome: quill.Timeout, Execute: time.Second, Total: time.Second})
	require.Len(t, collected(t, reader), 4)
}

func TestCircuitWithoutALimitHasNone(t *testing.T) {
	reader := metric.NewManualReader()
	r := quill.NewRegistry()
	_, err := quillotel.Observe(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"), r)
	require.NoError(t, err)
	_, err = r.Circuit("free", quill.Settings{MaxConcurrent: quill.Unlimited})
	require.NoError(t, err)
	got := fmt.Sprint(collected(t, reader))
	require.Contains(t, got, "hystrix.command.in_flight")
	require.NotContains(t, got, "hystrix.command.limit")
}

// attributes are those of an event or a span.
func attributes(kvs []attribute.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range kvs {
		all[string(kv.Key)] = kv.Value.String()
	}
	return all
}

func TestSpansTellOfCallsAndTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorder := tracetest.NewSpanRecorder()
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
		ctx, span := tracer.Start(t.Context(), "GET /catalog")
		c := play(t, ctx, quill.NewRegistry(), quillotel.Spans(tracer))
		time.Sleep(5 * time.Second)
		_, _ = quill.Do(ctx, c, func(context.Context) (int, error) { return 0, nil }) // a probe
		synctest.Wait()
		span.End()

		ended := recorder.Ended()
		page := ended[slices.IndexFunc(ended, func(s sdktrace.ReadOnlySpan) bool { return s.Name() == "GET /catalog" })]
		require.Equal(t, codes.Unset, page.Status().Code, "a call under it is not the span's own end")
		require.Equal(t, map[string]string{"hystrix.command.name": "dep", "hystrix.command.outcome": "success"}, attributes(page.Attributes()))
		var calls []map[string]string
		for _, e := range page.Events() {
			require.Equal(t, "hystrix.command", e.Name)
			calls = append(calls, attributes(e.Attributes))
		}
		require.Equal(t, []map[string]string{
			{"hystrix.command.name": "dep", "hystrix.command.outcome": "success", "hystrix.circuit_breaker.state": "closed", "hystrix.command.duration": "0.1", "hystrix.command.execution.duration": "0.1"},
			{"hystrix.command.name": "dep", "hystrix.command.outcome": "failure", "hystrix.circuit_breaker.state": "closed", "hystrix.command.duration": "0.1", "hystrix.command.execution.duration": "0.1", "hystrix.command.error": "the dependency is sick", "hystrix.fallback.step": "default"},
			{"hystrix.command.name": "dep", "hystrix.command.outcome": "timeout", "hystrix.circuit_breaker.state": "closed", "hystrix.command.duration": "1", "hystrix.command.execution.duration": "1", "hystrix.command.error": quill.ErrTimeout.Error()},
			{"hystrix.command.name": "dep", "hystrix.command.outcome": "short-circuited", "hystrix.circuit_breaker.state": "open", "hystrix.command.duration": "0", "hystrix.command.error": quill.ErrOpen.Error()},
			{"hystrix.command.name": "dep", "hystrix.command.outcome": "success", "hystrix.circuit_breaker.state": "half-open", "hystrix.command.duration": "0", "hystrix.command.probe": "true"},
		}, calls)

		var moves []string
		for _, s := range ended {
			if s.Name() == "hystrix.circuit_breaker.transition" {
				require.False(t, s.Parent().IsValid(), "a transition belongs to no call")
				require.Equal(t, s.StartTime(), s.EndTime())
				a := attributes(s.Attributes())
				require.Equal(t, "dep", a["hystrix.command.name"])
				require.NotEmpty(t, a["hystrix.circuit_breaker.reason"])
				moves = append(moves, a["hystrix.circuit_breaker.from"]+" to "+a["hystrix.circuit_breaker.to"])
			}
		}
		require.Equal(t, []string{"closed to open", "open to half-open", "half-open to closed"}, moves)
		time.Sleep(time.Hour)
	})
}

func TestPanicOnASpanHasNoStack(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	ctx, span := tracer.Start(t.Context(), "page")
	e := quill.CallEvent{
		Err: &quill.PanicError{Value: "a bug", Stack: []byte("main.go")},
		Age: time.Second, Wait: time.Second, Late: true,
	}
	quillotel.Spans(nil).OnCall(ctx, e)
	span.End()
	got := attributes(recorder.Ended()[0].Events()[0].Attributes)
	require.Equal(t, "panic: a bug", got["hystrix.command.error"])
	require.Equal(t, "1", got["hystrix.fallback.age"])
	require.Equal(t, "1", got["hystrix.command.wait"])
	require.Equal(t, "true", got["hystrix.command.late"])
}

// unreadable is an error whose Error method works while another of its methods panics.
type unreadable struct{}

func (unreadable) Error() string { return "unreadable" }
func (unreadable) Unwrap() error { panic("a bug") }

func TestErrorsWhoseMethodsPanicAreOnTheSpan(t *testing.T) {
	for want, sick := range map[string]error{
		"an error of type *fs.PathError whose Error method panics":     (*fs.PathError)(nil),
		"an error of type *quill.PanicError whose Error method panics": (*quill.PanicError)(nil),
		"unreadable": unreadable{},
	} {
		recorder := tracetest.NewSpanRecorder()
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
		c, err := quill.NewRegistry().Circuit("dep", quill.WithHooks(quillotel.Spans(nil)), quill.WithColdPool())
		require.NoError(t, err)
		ctx, span := tracer.Start(t.Context(), "caller")
		require.NotPanics(t, func() {
			_, _ = quill.Do(ctx, c, func(context.Context) (int, error) { return 0, sick })
		}, want)
		span.End()
		require.Contains(t, recorder.Ended()[0].Events()[0].Attributes, attribute.String("hystrix.command.error", want))
		require.EqualValues(t, 1, c.Stats().Total.Failure)
	}
}

func TestCallsWithoutASpanCostNothing(t *testing.T) {
	hooks := quillotel.Spans(nil)
	require.Nil(t, hooks.OnTransition)
	e := quill.CallEvent{Command: "dep", Outcome: quill.ShortCircuited, Err: quill.ErrOpen}
	require.Zero(t, testing.AllocsPerRun(100, func() { hooks.OnCall(context.Background(), e) }))
}

// refusing is a meter that makes nothing.
type refusing struct{ noop.Meter }

func (refusing) Int64ObservableCounter(string, ...otelmetric.Int64ObservableCounterOption) (otelmetric.Int64ObservableCounter, error) {
	return nil, errSick
}

func (refusing) Float64Histogram(string, ...otelmetric.Float64HistogramOption) (otelmetric.Float64Histogram, error) {
	return nil, errSick
}

func TestErrorsOfTheMeterAreReturned(t *testing.T) {
	_, err := quillotel.Observe(refusing{}, nil)
	require.ErrorIs(t, err, errSick)
	_, err = quillotel.Durations(refusing{})
	require.ErrorIs(t, err, errSick)
}

// The package comment is where users find the names: all that are there, and no others.
func TestPackageCommentListsEveryName(t *testing.T) {
	comment, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//\t(hystrix\.[a-z_.]+) +[{s1]`).FindAllStringSubmatch(string(comment), -1) {
		listed[m[1]] = true
	}
	made := map[string]bool{}
	for _, file := range []string{"metrics.go", "durations.go"} {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?:counter|sum|gauge|histogram|Int64Counter)\("(hystrix\.[a-z_.]+)"`).FindAllStringSubmatch(string(code), -1) {
			made[m[1]] = true
		}
	}
	require.Len(t, made, 16)
	require.Equal(t, made, listed)
}

func TestOnlyTheAPIIsNeeded(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "go.opentelemetry.io/otel/metric")
	require.NotContains(t, string(out), "go.opentelemetry.io/otel/sdk")
}
