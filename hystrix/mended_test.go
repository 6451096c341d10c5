package hystrix_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/hystrix"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// These are hystrix-go's faults, each with its number in docs/from-hystrix-go.md.

func TestMended01SequentialCommandsAreNeverRejected(t *testing.T) {
	hystrix.Flush()
	hystrix.ConfigureCommand(t.Name(), hystrix.CommandConfig{MaxConcurrentRequests: 1, Timeout: 60_000})
	for range 20_000 {
		require.NoError(t, hystrix.Do(t.Name(), well, nil))
	}
}

func TestMended02WhatIsReturnedIsWhatIsCounted(t *testing.T) {
	hystrix.Flush()
	name := t.Name()
	book := collect(t, name)
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 1, MaxConcurrentRequests: 1000, RequestVolumeThreshold: -1})
	var nils, timeouts float64
	for range 300 { // run ends as near its timeout as the machine can
		err := hystrix.DoC(t.Context(), name, func(ctx context.Context) error {
			at, _ := ctx.Deadline()
			<-time.After(time.Until(at))
			return nil
		}, nil)
		if err == nil {
			nils++
		} else {
			require.Equal(t, hystrix.ErrTimeout, err)
			timeouts++
		}
	}
	got := counts(book.told())
	require.Equal(t, nils, got.Successes)
	require.Equal(t, timeouts, got.Timeouts)
}

func TestMended03NoGoroutinePerCircuit(t *testing.T) {
	hystrix.Flush()
	before := runtime.NumGoroutine()
	for i := range 1000 {
		require.NoError(t, hystrix.Do(fmt.Sprint(t.Name(), i), well, nil))
	}
	for until := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+5 && time.Now().Before(until); {
		runtime.Gosched() // the last runs' goroutines are about to end
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before+5)
	hystrix.Flush()
}

func TestFlushLetsTheWarmWorkersGo(t *testing.T) {
	hystrix.Flush()
	name := newName()
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 20})
	var at []string
	for range 3 {
		require.NoError(t, hystrix.Do(name, func() error { at = append(at, goroutineName()); return nil }, nil))
	}
	require.Equal(t, at[1], at[2], "commands in sequence run on one goroutine, after the first since a long time")
	require.NotEqual(t, goroutineName(), at[1])

	began, end := make(chan struct{}), make(chan struct{})
	var errs []chan error
	for range 20 {
		errs = append(errs, hystrix.Go(name, func() error { began <- struct{}{}; <-end; return errSick }, nil))
		<-began
	}
	hystrix.Flush()
	close(end)
	for _, e := range errs {
		require.Equal(t, errSick, <-e)
	}
	require.NoError(t, goleak.Find(), "neither idle workers nor those at work outlast a Flush")
}

// goroutineName is what a stack begins with, up to the state.
func goroutineName() string {
	stack := make([]byte, 64)
	name, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), "[")
	return name
}

func TestMended04ACircuitIsSmallAndFlushLetsItGo(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	hystrix.Flush()
	const names = 2000
	empty := heap()
	for i := range names {
		_ = hystrix.Do(fmt.Sprint(t.Name(), i), well, nil)
	}
	full := heap()
	require.Less(t, full-min(full, empty), uint64(names*12<<10), "hystrix-go takes 24 KB a name")
	hystrix.Flush()
	left := heap()
	require.Less(t, left-min(left, empty), uint64(names*1<<10), "settings stay")
}

func TestMended05TimeoutEndsRunsContextAndKeepsTheSlot(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 100, MaxConcurrentRequests: 1})
		release := make(chan struct{})
		cause := make(chan error, 1)
		err := hystrix.DoC(t.Context(), name, func(ctx context.Context) error {
			<-ctx.Done()
			cause <- ctx.Err()
			<-release
			return nil
		}, nil)
		require.Equal(t, hystrix.ErrTimeout, err)
		require.Equal(t, context.DeadlineExceeded, <-cause)
		require.Equal(t, hystrix.ErrMaxConcurrency, hystrix.Do(name, well, nil))
		close(release)
		synctest.Wait()
		require.NoError(t, hystrix.Do(name, well, nil))
	})
}

func TestMended06AFailedFallbackHidesNoError(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		err := hystrix.Do(name, sick, func(error) error { return errSpare })
		require.EqualError(t, err, "fallback failed with 'the spare failed too'. run error was 'the dependency is sick'")
		require.ErrorIs(t, err, errSick)
		require.ErrorIs(t, err, errSpare)
	})
}

func TestMended07MaxConcurrentRequestsChangesWhileCommandsRun(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 1, Timeout: 60_000})
		h := newHang()
		hystrix.Go(name, h.run, nil)
		<-h.running
		require.Equal(t, hystrix.ErrMaxConcurrency, hystrix.Do(name, well, nil))
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 2, Timeout: 60_000})
		require.NoError(t, hystrix.Do(name, well, nil))
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 1, Timeout: 60_000})
		require.Equal(t, hystrix.ErrMaxConcurrency, hystrix.Do(name, well, nil))
		close(h.release)
	})
}

func TestMended08ACollectorThatHangsStopsNoCommand(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		release := make(chan struct{})
		collect(t, name).onTold = func(metricCollector.MetricResult) { <-release }
		log := listen(t)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 5, Timeout: 60_000})
		began := time.Now()
		for range 5 {
			require.Equal(t, errSick, hystrix.Do(name, sick, nil))
		}
		require.True(t, circuit(t, name).IsOpen(), "the breaker needs no collector")
		require.LessOrEqual(t, time.Since(began), 100*time.Millisecond, "one command waited, the others saw")
		for range 3000 {
			require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
		}
		require.Contains(t, log.text(), "hystrix: metrics channel ("+name+") is at capacity")
		err := circuit(t, name).ReportEvent([]string{"failure"}, time.Now(), 0)
		require.Equal(t, hystrix.CircuitError{Message: "metrics channel (" + name + ") is at capacity"}, err)
		hystrix.Flush()
		close(release)
	})
}

func TestMended08NoEventIsLost(t *testing.T) {
	hystrix.Flush()
	book := collect(t, t.Name())
	c := circuit(t, t.Name())
	const events = 20_000
	for range events {
		require.NoError(t, c.ReportEvent([]string{"success"}, time.Now(), 0))
	}
	require.Len(t, book.told(), events)
}

func TestMended13TheLoggerCanBeChangedWhileCommandsRun(t *testing.T) {
	hystrix.Flush()
	hystrix.ConfigureCommand(t.Name(), hystrix.CommandConfig{RequestVolumeThreshold: 1, SleepWindow: 1})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				_ = hystrix.Do(t.Name(), sick, nil)
			}
		})
		wg.Go(func() {
			for range 200 {
				hystrix.SetLogger(&lines{})
				hystrix.SetLogger(nil)
			}
		})
	}
	wg.Wait()
	hystrix.SetLogger(hystrix.DefaultLogger)
}

func TestMended14ASuccessFromBeforeTheOpeningClosesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 2, Timeout: 60_000})
		h := newHang()
		hystrix.Go(name, h.run, nil)
		<-h.running
		for range 2 {
			_ = hystrix.Do(name, sick, nil)
		}
		close(h.release)
		synctest.Wait()
		require.True(t, circuit(t, name).IsOpen())
	})
}

func TestMended14AProbeThatHangsLetsNoOtherThrough(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 1, SleepWindow: 1000, Timeout: 60_000})
		_ = hystrix.Do(name, sick, nil)
		pass(time.Second)
		h := newHang()
		hystrix.Go(name, h.run, nil)
		<-h.running
		for range 50 {
			pass(time.Second)
			require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
		}
		pass(15 * time.Second) // its lease, a minute and a moment, is over
		require.NoError(t, hystrix.Do(name, well, nil))
		close(h.release)
	})
}

func TestMended15ShortCircuitsAreNoEvidence(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 2})
		c := circuit(t, name)
		for range 10 {
			require.NoError(t, c.ReportEvent([]string{"short-circuit"}, time.Now(), 0))
		}
		require.False(t, c.IsOpen())
		openUp(t, name)
		for range 100 {
			_ = hystrix.Do(name, well, nil)
		}
		require.EqualValues(t, 2, hystrix.QuillCircuit(name).Stats().Health.Requests)
	})
}

func TestMended18TheWindowCanBeSet(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.ConfigureQuill(name, quill.Settings{RollingWindow: time.Minute, RequestVolumeThreshold: 2}))
		_ = hystrix.Do(name, sick, nil)
		pass(50 * time.Second)
		_ = hystrix.Do(name, sick, nil)
		require.True(t, circuit(t, name).IsOpen())
	})
}

// reentrant is a logger and a collector that call back.
type reentrant struct {
	name  string
	calls atomic.Int64
}

func (r *reentrant) Printf(string, ...any) {
	if r.calls.Add(1) > 50 {
		return
	}
	c, _, _ := hystrix.GetCircuit(r.name)
	c.IsOpen()
	c.AllowRequest()
	_ = hystrix.Do(r.name, well, nil)
}

func TestMended19LoggersAndCollectorsMayCallBack(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		r := &reentrant{name: name}
		book := collect(t, name)
		var depth atomic.Int64
		book.onTold = func(metricCollector.MetricResult) {
			if depth.Add(1) <= 3 {
				_ = hystrix.Do(name, well, nil)
				circuit(t, name).IsOpen()
			}
		}
		hystrix.SetLogger(r)
		defer hystrix.SetLogger(nil)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 1, SleepWindow: 1000})
		_ = hystrix.Do(name, sick, nil)
		pass(time.Second)
		require.NoError(t, hystrix.Do(name, well, nil))
		require.EqualValues(t, 3, r.calls.Load(), "opening, allowing, closing")
		hystrix.Flush()
	})
}

func TestMended21APercentSignInANameStaysOne(t *testing.T) {
	bubble(t, func(t *testing.T, _ string) {
		log := listen(t)
		openUp(t, "100%d sure")
		require.Equal(t, []string{"hystrix-go: opening circuit 100%d sure"}, log.text())
	})
}

func TestMendedACallerWhoIsGoneRunsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := hystrix.DoC(ctx, name, func(context.Context) error { panic("never") }, nil)
		require.Equal(t, context.Canceled, err)
		require.Zero(t, hystrix.QuillCircuit(name).Stats().Health.Requests)
	})
}

func TestMendedCanceledCommandsAreNoEvidence(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 4})
		for _, err := range []error{context.Canceled, context.DeadlineExceeded, context.Canceled, context.Canceled} {
			_ = hystrix.Do(name, func() error { return err }, nil)
		}
		for range 4 {
			require.False(t, circuit(t, name).IsOpen())
			_ = hystrix.Do(name, sick, nil)
		}
		require.True(t, circuit(t, name).IsOpen(), "4 of 4, and not 4 of 8 or the first of 5")
	})
}

func TestMendedAProbeThatSaysNothingGivesItsPlaceBack(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		openUp(t, name)
		pass(5 * time.Second)
		require.Equal(t, context.Canceled, hystrix.Do(name, func() error { return context.Canceled }, nil))
		require.NoError(t, hystrix.Do(name, well, nil))
		require.False(t, circuit(t, name).IsOpen())
	})
}

func TestMendedAPanicReachesTheCallerOfDo(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		caught := func(run func() error, fallback func(error) error) (value any) {
			defer func() { value = recover() }()
			_ = hystrix.Do(name, run, fallback)
			return nil
		}
		boom := func() error { panic("boom") }
		p, ok := caught(boom, func(error) error { return nil }).(*quill.PanicError)
		require.True(t, ok)
		require.Equal(t, "boom", p.Value)
		require.EqualValues(t, 1, book.last(t).Failures)
		require.Zero(t, book.last(t).FallbackSuccesses, "a panic is no answer of the dependency's")
		p, ok = caught(sick, func(error) error { panic("spare") }).(*quill.PanicError)
		require.True(t, ok)
		require.Equal(t, "spare", p.Value)
		require.Contains(t, string(p.Stack), "hystrix_test")
		require.EqualValues(t, 1, book.last(t).FallbackFailures)
		require.NoError(t, hystrix.Do(name, well, nil), "no slot is lost")
	})
}

func TestMendedGoexitIsAFailure(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		leave := func() error { runtime.Goexit(); return nil }
		require.ErrorIs(t, hystrix.Do(name, leave, nil), quill.ErrGoexit)
		var asked error
		require.NoError(t, hystrix.Do(name, leave, func(err error) error { asked = err; return nil }))
		require.ErrorIs(t, asked, quill.ErrGoexit)
		require.ErrorContains(t, hystrix.Do(name, sick, func(error) error { runtime.Goexit(); return nil }), "Goexit")
	})
}

func TestMendedASettingThatSaysTheImpossibleHasASense(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		in := func() quill.Settings { return hystrix.QuillCircuit(name).Stats().Settings }
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{-1, -1, -1, -1, -1})
		require.Equal(t, time.Millisecond, in().Timeout)
		require.Equal(t, quill.Unlimited, in().MaxConcurrent)
		require.Equal(t, 1_000_000_000, in().RequestVolumeThreshold)
		require.Equal(t, time.Millisecond, in().SleepWindow)
		require.Equal(t, 0.01, in().ErrorPercentThreshold)

		most := int(^uint(0) >> 1)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{most, most, most, most, most})
		require.Equal(t, quill.NoTimeout, in().Timeout)
		require.Equal(t, quill.Unlimited, in().MaxConcurrent)
		require.Equal(t, 24*time.Hour, in().SleepWindow)
		for range 100 {
			_ = hystrix.Do(name, sick, nil)
		}
		require.False(t, circuit(t, name).IsOpen())
		require.NotNil(t, hystrix.GetCircuitSettings()[name])
	})
}

func TestMendedAnyStringIsAName(t *testing.T) {
	bubble(t, func(t *testing.T, _ string) {
		names := []string{"", " ", "line\nbreak", "\xff", strings.Repeat("long", 1000), strings.Repeat("long", 1000) + "er", "구름", `""#14650fb0739d0383`, `""`}
		for _, name := range names {
			book := collect(t, name)
			require.NoError(t, hystrix.Do(name, well, nil), "%q", name)
			require.EqualValues(t, 1, book.last(t).Successes)
			c, made, err := hystrix.GetCircuit(name)
			require.NoError(t, err)
			require.False(t, made)
			require.Equal(t, name, c.Name)
			require.NoError(t, quill.CheckName(hystrix.QuillCircuit(name).Name()))
		}
		require.Equal(t, len(names), hystrix.QuillRegistry().Len())
		hystrix.Flush()
		require.Zero(t, hystrix.QuillRegistry().Len())
	})
}

var errOther = errors.New("another one")

func TestMendedACollectorThatEndsItsGoroutineSilencesNoOther(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		book.onTold = func(r metricCollector.MetricResult) {
			if r.Failures > 0 {
				runtime.Goexit()
			}
		}
		require.Equal(t, errOther, hystrix.Do(name, func() error { return errOther }, nil))
		require.NoError(t, hystrix.Do(name, well, nil))
		require.EqualValues(t, 1, counts(book.told()).Successes)
	})
}
