package hystrix_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/hystrix"
)

// These are the tests of hystrix-go's own suite that ask for behavior and not for the inside,
// in our words and under the names they have there. (Those of package rolling and of the
// plugins are with these packages.) Where a mend changes the answer, the test says so.

func TestSuiteSuccess(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		done := make(chan int, 1)
		errs := hystrix.Go(name, func() error { done <- 1; return nil }, nil)
		require.Equal(t, 1, <-done)
		synctest.Wait()
		require.Empty(t, errs)
		require.EqualValues(t, 1, counts(book.told()).Successes)
	})
}

func TestSuiteFallback(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		answer := make(chan error, 1)
		errs := hystrix.Go(name, sick, func(err error) error { answer <- err; return nil })
		require.Equal(t, errSick, <-answer)
		synctest.Wait()
		require.Empty(t, errs)
		got := counts(book.told())
		require.Equal(t, []float64{0, 1, 0, 1}, []float64{got.Successes, got.Failures, got.Timeouts, got.FallbackSuccesses})
	})
}

func TestSuiteTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 100})
		answer := make(chan error, 1)
		errs := hystrix.Go(name, func() error { pass(time.Second); return nil }, func(err error) error {
			if err == hystrix.ErrTimeout {
				answer <- err
			}
			return nil
		})
		require.Equal(t, hystrix.ErrTimeout, <-answer)
		synctest.Wait()
		require.Empty(t, errs)
	})
}

func TestSuiteTimeoutEmptyFallback(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 100})
		err := <-hystrix.Go(name, func() error { pass(time.Second); return nil }, nil)
		require.Equal(t, hystrix.ErrTimeout, err)
		got := counts(book.told())
		require.Equal(t, []float64{0, 1, 0, 0}, []float64{got.Successes, got.Timeouts, got.FallbackSuccesses, got.FallbackFailures})
	})
}

func TestSuiteMaxConcurrent(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 2})
		var good, bad int
		for range 3 {
			errs := hystrix.Go(name, func() error { pass(time.Second / 2); return nil }, nil)
			synctest.Wait()
			select {
			case err := <-errs:
				require.Equal(t, hystrix.ErrMaxConcurrency, err)
				bad++
			default:
				good++
			}
		}
		require.Equal(t, []int{2, 1}, []int{good, bad})
	})
}

func TestSuiteForceOpenCircuit(t *testing.T) { // there by a private function, here by quill's override
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		require.NoError(t, hystrix.QuillCircuit(name).Override(1, 0, "a test"))
		require.Equal(t, hystrix.ErrCircuitOpen, <-hystrix.Go(name, well, nil))
		got := counts(book.told())
		require.Equal(t, []float64{0, 1}, []float64{got.Successes, got.ShortCircuits})
	})
}

func TestSuiteNilFallbackRunError(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.Equal(t, errSick, <-hystrix.Go(name, sick, nil))
	})
}

func TestSuiteFailedFallback(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		err := <-hystrix.Go(name, sick, func(error) error { return errSpare })
		require.EqualError(t, err, "fallback failed with 'the spare failed too'. run error was 'the dependency is sick'")
	})
}

func TestSuiteCloseCircuitAfterSuccess(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		openUp(t, name)
		require.Equal(t, hystrix.ErrCircuitOpen, <-hystrix.Go(name, well, nil))
		pass(6 * time.Second)
		done := make(chan bool, 1)
		hystrix.Go(name, func() error { done <- true; return nil }, nil)
		require.True(t, <-done)
		synctest.Wait()
		require.False(t, circuit(t, name).IsOpen())
	})
}

func TestSuiteFailAfterTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10})
		var asked atomic.Int64
		errs := hystrix.Go(name, func() error { pass(50 * time.Millisecond); return errSick }, func(error) error {
			asked.Add(1)
			return errSpare
		})
		require.ErrorContains(t, <-errs, "timeout")
		pass(time.Minute)
		require.EqualValues(t, 1, asked.Load())
	})
}

func TestSuiteSlowFallbackOpenCircuit(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		book := collect(t, name)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10, RequestVolumeThreshold: 1})
		_ = hystrix.Do(name, sick, nil)
		var out atomic.Int64
		hystrix.Go(name, well, func(error) error { pass(100 * time.Millisecond); out.Add(1); return nil })
		pass(time.Second)
		require.EqualValues(t, 1, out.Load())
		got := counts(book.told())
		require.Equal(t, []float64{1, 1}, []float64{got.ShortCircuits, got.FallbackSuccesses})
		require.Zero(t, got.Timeouts)
	})
}

func TestSuiteFallbackAfterRejected(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		fillUp(t, name)
		answer := make(chan error, 1)
		hystrix.Go(name, well, func(err error) error { answer <- err; return nil })
		require.Equal(t, hystrix.ErrMaxConcurrency, <-answer)
	})
}

func TestSuiteReturnTicket(t *testing.T) { // mended: the ticket comes back when run returns
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10})
		h := newHang()
		require.Equal(t, hystrix.ErrTimeout, <-hystrix.Go(name, h.run, nil))
		require.Equal(t, 1, hystrix.QuillCircuit(name).Stats().InFlight)
		close(h.release)
		synctest.Wait()
		require.Zero(t, hystrix.QuillCircuit(name).Stats().InFlight)
	})
}

func TestSuiteReturnTicketQuickCheck(t *testing.T) { // mended as the one above
	bubble(t, func(t *testing.T, name string) {
		for range 300 {
			timeout := 1 + rand.IntN(50)
			hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: timeout, RequestVolumeThreshold: -1})
			takes := time.Duration(rand.IntN(60)) * time.Millisecond
			var fallback func(error) error
			if rand.IntN(2) == 0 {
				fallback = func(error) error { return errSpare }
			}
			_ = hystrix.Do(name, func() error { pass(takes); return errSick }, fallback)
			pass(60 * time.Millisecond)
			require.Zero(t, hystrix.QuillCircuit(name).Stats().InFlight)
		}
	})
}

func TestSuiteContextHandling(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 15})
		book := collect(t, name)
		slow := func(context.Context) error { pass(20 * time.Millisecond); return nil }
		for _, c := range []struct {
			within, cancelAfter time.Duration
			err                 error
		}{
			{5 * time.Millisecond, 0, context.DeadlineExceeded},
			{time.Hour, 5 * time.Millisecond, context.Canceled},
			{25 * time.Millisecond, 0, hystrix.ErrTimeout},
		} {
			for _, fallback := range []func(context.Context, error) error{nil, func(context.Context, error) error { return nil }} {
				ctx, cancel := context.WithTimeout(t.Context(), c.within)
				if c.cancelAfter > 0 {
					time.AfterFunc(c.cancelAfter, cancel)
				}
				err := hystrix.DoC(ctx, name, slow, fallback)
				if fallback == nil {
					require.True(t, identical(err, c.err))
				} else {
					require.NoError(t, err)
				}
				pass(time.Second)
				cancel()
			}
		}
		got := counts(book.told())
		require.Equal(t, []float64{6, 2, 2, 2, 3}, []float64{
			got.Attempts, got.ContextDeadlineExceeded, got.ContextCanceled, got.Timeouts, got.FallbackSuccesses,
		})
	})
}

func TestSuiteDoC(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.DoC(t.Context(), name, returns(nil), nil))
		require.Equal(t, errSick, hystrix.DoC(t.Context(), name, returns(errSick), nil))
		require.NoError(t, hystrix.DoC(t.Context(), name, returns(errSick), func(context.Context, error) error { return nil }))
		err := hystrix.DoC(t.Context(), name, returns(errSick), func(context.Context, error) error { return errSpare })
		require.Equal(t, "fallback failed with 'the spare failed too'. run error was 'the dependency is sick'", err.Error())
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10})
		slow := func(context.Context) error { pass(time.Second); return nil }
		require.Equal(t, hystrix.ErrTimeout, hystrix.DoC(t.Context(), name, slow, nil))
		require.NoError(t, hystrix.DoC(t.Context(), name, slow, func(context.Context, error) error { return nil }))
	})
}

func TestSuiteGetCircuit(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		first, made, err := hystrix.GetCircuit(name)
		require.NoError(t, err)
		require.True(t, made)
		require.Equal(t, name, first.Name)
		again, made, err := hystrix.GetCircuit(name)
		require.NoError(t, err)
		require.False(t, made)
		require.Same(t, first, again)
	})
}

func TestSuiteMultithreadedGetCircuit(t *testing.T) {
	hystrix.Flush()
	for range 100 {
		var made atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, created, _ := hystrix.GetCircuit(t.Name()); created {
					made.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, made.Load())
		hystrix.Flush()
	}
}

func TestSuiteReportEventMultiThreaded(t *testing.T) {
	hystrix.Flush()
	c := circuit(t, t.Name())
	rand := rand.New(rand.NewPCG(1, 2))
	var wg sync.WaitGroup
	for range 10 {
		events := []string{"success", "failure"}
		rand.Shuffle(2, func(i, j int) { events[i], events[j] = events[j], events[i] })
		wg.Go(func() {
			for range 100 {
				for _, e := range events {
					if err := c.ReportEvent([]string{e}, time.Now(), time.Second); err != nil {
						panic(err)
					}
					c.IsOpen()
				}
			}
		})
	}
	wg.Wait()
	hystrix.Flush()
}

func TestSuiteReportEventOpenThenClose(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{ErrorPercentThreshold: 50, RequestVolumeThreshold: 2})
		c := circuit(t, name)
		for range 2 {
			require.NoError(t, c.ReportEvent([]string{"failure"}, time.Now(), 0))
		}
		require.True(t, c.IsOpen())
		require.NoError(t, c.ReportEvent([]string{"success"}, time.Now(), 0))
		require.False(t, c.IsOpen())
	})
}

func TestSuiteErrorPercent(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		for i := range 10 { // a failure in each: 40 % in the end
			err := error(nil)
			if i%5 < 2 {
				err = errSick
			}
			_ = hystrix.Do(name, func() error { return err }, nil)
		}
		s := stream(t)
		require.EqualValues(t, 40, s.next(t, 1)[0]["errorPercentage"])
		s.end(t)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{ErrorPercentThreshold: 39, RequestVolumeThreshold: 1})
		_ = hystrix.Do(name, sick, nil)
		require.True(t, circuit(t, name).IsOpen())
	})
}

func TestSuiteConfigureConcurrency(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 100})
		require.Equal(t, 100, hystrix.GetCircuitSettings()[name].MaxConcurrentRequests)
	})
}

func TestSuiteConfigureTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10_000})
		require.Equal(t, 10*time.Second, hystrix.GetCircuitSettings()[name].Timeout)
	})
}

func TestSuiteConfigureRVT(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 30})
		require.EqualValues(t, 30, hystrix.GetCircuitSettings()[name].RequestVolumeThreshold)
	})
}

func TestSuiteSleepWindowDefault(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.Equal(t, 5*time.Second, hystrix.GetCircuitSettings()[name].SleepWindow)
	})
}

func TestSuiteGetCircuitSettings(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 30_000})
		before := hystrix.GetCircuitSettings()
		require.Same(t, before[name], hystrix.GetCircuitSettings()[name])
		require.Equal(t, 30*time.Second, hystrix.GetCircuitSettings()[name].Timeout)
	})
}

func TestSuiteEventStream(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		s := stream(t)
		for i := range 3 {
			hystrix.Go(fmt.Sprintf("%s %d", name, i), well, nil)
			hystrix.Go(fmt.Sprintf("%s %d", name, i), func() error { return errors.New("no") }, nil)
		}
		for i, e := range s.next(t, 6) {
			if i%2 == 0 {
				require.EqualValues(t, 2, e["requestCount"])
				require.EqualValues(t, 50, e["errorPercentage"])
			}
		}
		s.end(t)
	})
}

func TestSuiteThreadPoolStream(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		s := stream(t)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 60_000})
		h := newHang()
		for range 4 {
			hystrix.Go(name, h.run, nil)
			<-h.running
		}
		require.NoError(t, hystrix.Do(name, well, nil))
		pool := s.next(t, 2)[1]
		require.EqualValues(t, 4, pool["currentActiveCount"])
		require.EqualValues(t, 5, pool["rollingMaxActiveThreads"])
		require.EqualValues(t, 1, pool["rollingCountThreadsExecuted"])
		close(h.release)
		pool = s.next(t, 2)[1]
		require.EqualValues(t, 0, pool["currentActiveCount"])
		require.EqualValues(t, 5, pool["rollingCountThreadsExecuted"])
		s.end(t)
	})
}
