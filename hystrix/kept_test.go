package hystrix_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/hystrix"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// This is what programs rely on, row by row of docs/from-hystrix-go.md.

func TestKeptThePercentageIsRoundedHalfUp(t *testing.T) {
	for _, c := range []struct {
		errors, of, threshold int
		opens                 bool
	}{
		{197, 398, 50, false}, // 49.497 %
		{198, 400, 50, true},  // 49.5 %
		{189, 379, 50, true},  // 49.87 %
		{1, 200, 1, true},     // 0.5 %
		{1, 201, 1, false},
		{99, 100, 100, false},
		{199, 200, 100, true}, // 99.5 %
		{200, 200, 101, false},
	} {
		bubble(t, func(t *testing.T, name string) {
			hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: c.of, ErrorPercentThreshold: c.threshold})
			for range c.of - c.errors {
				require.NoError(t, hystrix.Do(name, well, nil))
			}
			for range c.errors {
				require.False(t, circuit(t, name).IsOpen())
				_ = hystrix.Do(name, sick, nil)
			}
			require.Equal(t, c.opens, circuit(t, name).IsOpen(), "%+v", c)
		})
	}
}

func TestKeptDefaultsAreReadWhenTheyAreUsed(t *testing.T) {
	bubble(t, func(t *testing.T, _ string) {
		require.Equal(t, []int{1000, 10, 20, 5000, 50}, []int{
			hystrix.DefaultTimeout, hystrix.DefaultMaxConcurrent, hystrix.DefaultVolumeThreshold,
			hystrix.DefaultSleepWindow, hystrix.DefaultErrorPercentThreshold,
		})
		name, later := newName(), newName()
		_ = hystrix.Do(name, well, nil)
		hystrix.DefaultTimeout, hystrix.DefaultVolumeThreshold = 70, 7
		defer func() { hystrix.DefaultTimeout, hystrix.DefaultVolumeThreshold = 1000, 20 }()
		_ = hystrix.Do(later, well, nil)
		all := hystrix.GetCircuitSettings()
		require.Equal(t, &hystrix.Settings{time.Second, 10, 20, 5 * time.Second, 50}, all[name])
		require.Equal(t, &hystrix.Settings{70 * time.Millisecond, 10, 7, 5 * time.Second, 50}, all[later])
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{SleepWindow: 10})
		require.Equal(t, &hystrix.Settings{70 * time.Millisecond, 10, 7, 10 * time.Millisecond, 50}, hystrix.GetCircuitSettings()[name])
	})
}

func TestKeptSettingsAreLivePointersUntilTheNextConfigure(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		first := hystrix.GetCircuitSettings()[name]
		require.Same(t, first, hystrix.GetCircuitSettings()[name])
		require.NoError(t, hystrix.Do(name, well, nil))
		first.RequestVolumeThreshold, first.ErrorPercentThreshold = 1, 1
		_ = hystrix.Do(name, sick, nil)
		require.True(t, circuit(t, name).IsOpen())
		hystrix.Configure(map[string]hystrix.CommandConfig{name: {}})
		require.NotSame(t, first, hystrix.GetCircuitSettings()[name])
		all := hystrix.GetCircuitSettings()
		delete(all, name)
		require.Contains(t, hystrix.GetCircuitSettings(), name, "the map is the caller's")
	})
}

func TestKeptConfigureWorksAtAnyTime(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		h := newHang()
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10_000})
		long := hystrix.Go(name, h.run, nil)
		<-h.running
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 100})
		began := time.Now()
		require.Equal(t, hystrix.ErrTimeout, hystrix.Do(name, h.run, nil))
		require.Equal(t, 100*time.Millisecond, time.Since(began))
		require.Equal(t, hystrix.ErrTimeout, <-long)
		require.Equal(t, 10*time.Second, time.Since(began), "a command under way keeps its own")
		close(h.release)
	})
}

func TestKeptFlushForgetsCircuitsAndKeepsSettings(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		openUp(t, name)
		settings := hystrix.GetCircuitSettings()[name]
		old := circuit(t, name)
		resets := book.resets
		hystrix.Flush()
		require.Equal(t, resets+1, book.resets)
		require.Same(t, settings, hystrix.GetCircuitSettings()[name])
		require.True(t, old.IsOpen(), "who holds it goes on with it")
		c, made, err := hystrix.GetCircuit(name)
		require.NoError(t, err)
		require.True(t, made)
		require.NotSame(t, old, c)
		require.NoError(t, hystrix.Do(name, well, nil))
	})
}

func TestKeptLogLines(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		log := listen(t)
		openUp(t, name)
		pass(5 * time.Second)
		_ = hystrix.Do(name, func() error {
			require.Len(t, log.text(), 2, "the probe is told before it runs")
			return errSick
		}, nil)
		pass(5 * time.Second)
		require.NoError(t, hystrix.Do(name, well, nil))
		require.Equal(t, []string{
			"hystrix-go: opening circuit " + name,
			"hystrix-go: allowing single test to possibly close circuit " + name,
			"hystrix-go: allowing single test to possibly close circuit " + name,
			"hystrix-go: closing circuit " + name,
		}, log.text())
	})
}

func TestKeptCollectorsAreResetAtTheStartAndAtTheClosing(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		_ = circuit(t, name)
		require.Equal(t, 1, book.resets, "many make their fields there")
		openUp(t, name)
		pass(5 * time.Second)
		book.onTold = func(metricCollector.MetricResult) { require.Equal(t, 2, book.resets, "before the probe's result") }
		require.NoError(t, hystrix.Do(name, well, nil))
		require.Equal(t, 2, book.resets)
	})
}

// unlocked is a collector as users of hystrix-go write them.
type unlocked struct{ updates int }

func (u *unlocked) Update(metricCollector.MetricResult) { u.updates++ }
func (u *unlocked) Reset()                              { u.updates = 0 }

func TestKeptCollectorsNeedNoLock(t *testing.T) {
	hystrix.Flush()
	name := t.Name()
	u := &unlocked{}
	metricCollector.Registry.Register(func(of string) metricCollector.MetricCollector {
		if of == name {
			return u
		}
		return &unlocked{}
	})
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 100})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				_ = hystrix.Do(name, well, nil)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1000, u.updates)
	hystrix.Flush()
}

func TestKeptAFallbackIsBoundedByNothing(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 100, MaxConcurrentRequests: 1, RequestVolumeThreshold: -1})
		var asked atomic.Int64
		var all []chan error
		for range 100 {
			all = append(all, hystrix.Go(name, sick, func(error) error {
				asked.Add(1)
				pass(time.Hour)
				return errSpare
			}))
			synctest.Wait()
		}
		require.EqualValues(t, 100, asked.Load())
		for _, errs := range all {
			require.Error(t, <-errs)
		}
	})
}

func TestKeptRejectionsOpenTheCircuit(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		fillUp(t, name)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 1, RequestVolumeThreshold: 4})
		for range 4 {
			require.Equal(t, hystrix.ErrMaxConcurrency, hystrix.Do(name, well, nil))
		}
		require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
	})
}

func TestKeptAllowRequestLetsOneThroughInASleepWindow(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		c := circuit(t, name)
		require.True(t, c.AllowRequest())
		openUp(t, name)
		require.False(t, c.AllowRequest())
		pass(5 * time.Second)
		require.True(t, c.AllowRequest())
		require.False(t, c.AllowRequest())
		require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil), "its place is taken")
		pass(5 * time.Second)
		require.True(t, c.AllowRequest(), "nobody reported how it went")
		require.NoError(t, c.ReportEvent([]string{"failure"}, time.Now(), time.Second))
		require.False(t, c.AllowRequest())
		pass(5 * time.Second)
		require.True(t, c.AllowRequest())
		require.NoError(t, c.ReportEvent([]string{"success"}, time.Now(), time.Second))
		require.False(t, c.IsOpen())
		require.NoError(t, hystrix.Do(name, well, nil))
		require.Zero(t, hystrix.QuillCircuit(name).Stats().InFlight)
	})
}

func TestKeptAForgottenProbeOfAllowRequestDoesNotBlockCommands(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 1, RequestVolumeThreshold: 1})
		_ = hystrix.Do(name, sick, nil)
		pass(5 * time.Second)
		require.True(t, circuit(t, name).AllowRequest())
		pass(5 * time.Second)
		require.NoError(t, hystrix.Do(name, well, nil))
		require.False(t, circuit(t, name).IsOpen())
	})
}

func TestKeptReportedEventsAreJudgedAndTold(t *testing.T) {
	type r = metricCollector.MetricResult
	for first, want := range map[string]r{
		"success": {Attempts: 1, Successes: 1}, "failure": {Attempts: 1, Errors: 1, Failures: 1},
		"rejected": {Attempts: 1, Errors: 1, Rejects: 1}, "timeout": {Attempts: 1, Errors: 1, Timeouts: 1},
		"short-circuit":             {Attempts: 1, Errors: 1, ShortCircuits: 1},
		"context_canceled":          {Attempts: 1, ContextCanceled: 1},
		"context_deadline_exceeded": {Attempts: 1, ContextDeadlineExceeded: 1},
		"anything":                  {Attempts: 1},
	} {
		for second, fallback := range map[string]r{
			"": {}, "fallback-success": {FallbackSuccesses: 1}, "fallback-failure": {FallbackFailures: 1}, "nonsense": {},
		} {
			bubble(t, func(t *testing.T, name string) {
				book := collect(t, name)
				hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 1})
				c := circuit(t, name)
				began := time.Now()
				pass(3 * time.Second)
				events := []string{first}
				if second != "" {
					events = append(events, second)
				}
				require.NoError(t, c.ReportEvent(events, began, 2*time.Second))
				want.FallbackSuccesses, want.FallbackFailures = fallback.FallbackSuccesses, fallback.FallbackFailures
				want.TotalDuration, want.RunDuration = 3*time.Second, 2*time.Second
				require.Equal(t, want, book.last(t))
				opens := first == "failure" || first == "rejected" || first == "timeout"
				require.Equal(t, opens, c.IsOpen(), first)
			})
		}
	}
	require.EqualError(t, circuit(t, "none").ReportEvent(nil, time.Now(), 0), "no event types sent for metrics")
	hystrix.Flush()
}

func TestKeptDurationsAndConcurrencyOfACommand(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 60_000})
		h := newHang()
		for range 3 {
			hystrix.Go(name, h.run, nil)
			<-h.running
		}
		_ = hystrix.Do(name, func() error { pass(time.Second); return errSick }, func(error) error { pass(2 * time.Second); return nil })
		r := book.last(t)
		require.Equal(t, time.Second, r.RunDuration)
		require.Equal(t, 3*time.Second, r.TotalDuration)
		require.Equal(t, 0.3, r.ConcurrencyInUse, "without this command")
		close(h.release)
	})
}

func TestKeptTheFallbackGetsTheCallersContextAndRunADeadline(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		type key struct{}
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), time.Minute)
		defer cancel()
		soon, cancelSoon := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancelSoon()
		for _, c := range []struct {
			ctx      context.Context //nolint:containedctx // a row of the table
			deadline time.Duration
		}{{ctx, time.Second}, {soon, 300 * time.Millisecond}, {context.Background(), time.Second}} {
			began := time.Now()
			err := hystrix.DoC(c.ctx, name, func(run context.Context) error {
				at, ok := run.Deadline()
				require.True(t, ok)
				require.Equal(t, c.deadline, at.Sub(began))
				require.Equal(t, c.ctx.Value(key{}), run.Value(key{}))
				require.NoError(t, run.Err())
				child, end := context.WithCancel(run)
				defer end()
				<-child.Done()
				require.Equal(t, context.DeadlineExceeded, run.Err())
				require.Equal(t, c.deadline, time.Since(began))
				return fmt.Errorf("stopped: %w", run.Err())
			}, func(fallback context.Context, _ error) error {
				require.Equal(t, c.ctx, fallback)
				return nil
			})
			require.NoError(t, err)
			pass(0)
		}
	})
}

func TestKeptAnUnknownNameIsConfiguredByItsFirstUse(t *testing.T) {
	bubble(t, func(t *testing.T, _ string) {
		name := newName()
		require.NotContains(t, hystrix.GetCircuitSettings(), name)
		_ = hystrix.Do(name, well, nil)
		require.Contains(t, hystrix.GetCircuitSettings(), name)
	})
}

func TestQuillSettingsReachMigratedCode(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		want := quill.Settings{
			Isolation: quill.Semaphore, Timeout: 2 * time.Second, QueueSize: 3, RollingWindow: time.Minute,
			ErrorPercentThreshold: 12.5, SlowCallDuration: time.Second, MaxSleepWindow: time.Minute, Probes: 2,
		}
		require.NoError(t, hystrix.ConfigureQuill(name, want))
		got := hystrix.QuillCircuit(name).Settings()
		want.MaxConcurrent, want.RequestVolumeThreshold, want.SleepWindow = 10, 20, 5*time.Second
		want.MaxConcurrentFallbacks, want.FallbackTimeout = quill.Unlimited, quill.NoTimeout
		require.Equal(t, want, got)
		require.Equal(t, &hystrix.Settings{2 * time.Second, 10, 20, 5 * time.Second, 13}, hystrix.GetCircuitSettings()[name])

		// What hystrix-go has as well is replaced, the rest stays, and gives way.
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 500, SleepWindow: 120_000})
		got = hystrix.QuillCircuit(name).Settings()
		want.Timeout, want.SleepWindow, want.ErrorPercentThreshold = 500*time.Millisecond, 2*time.Minute, 49.5
		want.SlowCallDuration, want.MaxSleepWindow = 500*time.Millisecond, 2*time.Minute
		require.Equal(t, want, got)

		var problems *quill.SettingsError
		require.ErrorAs(t, hystrix.ConfigureQuill(name, quill.Settings{Probes: -1}), &problems)
		require.Equal(t, want, hystrix.QuillCircuit(name).Settings(), "nothing changed")
	})
}

func TestQuillSettingsThatContradictGiveWay(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		in := func() quill.Settings { return hystrix.QuillCircuit(name).Settings() }
		require.NoError(t, hystrix.ConfigureQuill(name, quill.Settings{RollingCalls: 10, QueueSize: 5, ProbeLease: 2 * time.Second}))
		require.Equal(t, 10, in().RequestVolumeThreshold, "the default, 20, is more than there are")
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 5000, ErrorPercentThreshold: 101})
		require.Equal(t, 5*time.Second, in().ProbeLease)
		require.Equal(t, quill.Disabled, in().Override, "never opens")
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: -1})
		require.Zero(t, in().QueueSize)
		require.Equal(t, quill.NoOverride, in().Override)
	})
}

func TestCallsThroughTheQuillCircuitAreToldToTheCollectors(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		c := hystrix.QuillCircuit(name)
		_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { return 1, nil })
		require.NoError(t, err)
		_, err = quill.Bind(c, func(context.Context, int) (int, error) { return 0, errSick }).OrElse(2).Do(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, metricCollector.MetricResult{Attempts: 2, Errors: 1, Successes: 1, Failures: 1, FallbackSuccesses: 1}, counts(book.told()))

		// A command inside a command of the same name is two commands, and no more.
		require.NoError(t, hystrix.DoC(t.Context(), name, func(ctx context.Context) error {
			return hystrix.DoC(ctx, name, func(context.Context) error { return nil }, nil)
		}, nil))
		require.EqualValues(t, 4, counts(book.told()).Attempts)
	})
}

func TestRunMayReturnQuillsIgnore(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 1})
		err := hystrix.Do(name, func() error { return quill.Ignore(errSick) }, func(error) error { panic("never") })
		require.ErrorIs(t, err, errSick)
		require.Equal(t, metricCollector.MetricResult{Attempts: 1}, counts(book.told()))
		require.False(t, circuit(t, name).IsOpen())
	})
}

func TestAnOperatorsOverrideIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		q, c := hystrix.QuillCircuit(name), circuit(t, name)
		require.NoError(t, q.Override(quill.ForceOpen, 0, "a test"))
		require.True(t, c.IsOpen())
		require.False(t, c.AllowRequest())
		require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
		require.NoError(t, q.Override(quill.ForceClosed, 0, "a test"))
		openEvidence := hystrix.CommandConfig{RequestVolumeThreshold: 1}
		hystrix.ConfigureCommand(name, openEvidence)
		require.Equal(t, errSick, hystrix.Do(name, sick, nil))
		require.Equal(t, errSick, hystrix.Do(name, sick, nil))
		require.False(t, c.IsOpen())
		require.True(t, c.AllowRequest())
	})
}
