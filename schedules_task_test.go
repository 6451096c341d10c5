//go:build explore

package quill

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// noWork is the work of a task whose end is what matters.
type noWork struct{}

func (noWork) execute(context.Context) error { return nil }

// runAndWait runs a task that has been begun, and waits for its end or until gaveUp is closed.
func runAndWait(t *task, gaveUp <-chan struct{}) (how int64) {
	t.circuit.bulkhead.start(t)
	if how = t.await(gaveUp); how == finished {
		t.giveBack()
	}
	return how
}

// racedTask is a task whose deadline is due. It has its slot, and nobody has begun it.
func racedTask(s *explore.Scenario) (*explored, *task) {
	x := newExplored(s, Settings{MaxConcurrent: 2})
	t := new(task)
	t.init(x.Circuit, noWork{}, false, true)
	x.bulkhead.acquire(window.NoSeat)
	t.status.Store(0)
	s.Value("slots", x.bulkhead.slots.word.Load)
	s.Value("abandoned", func() uint64 { return uint64(x.bulkhead.abandoned.Load()) })
	s.Always(func() error {
		if n := x.bulkhead.abandoned.Load(); n < 0 {
			return fmt.Errorf("%d abandoned", n)
		}
		return nil
	})
	s.Finally(func() error {
		t.timer.Stop()
		w, left := x.bulkhead.slots.word.Load(), x.bulkhead.abandoned.Load()
		if w&takenMask != 0 || left != 0 || len(t.done) != 0 {
			return fmt.Errorf("left behind: %d slots, %d abandoned, %d told", w&takenMask, left, len(t.done))
		}
		return nil
	})
	return x, t
}

func TestE07ResultDeadlineAndCancelHaveOneWinnerInEverySchedule(t *testing.T) {
	for _, cancels := range []bool{false, true} {
		everySchedule(t, fmt.Sprintf("cancel %t", cancels), func(s *explore.Scenario) {
			_, k := racedTask(s)
			gaveUp := make(chan struct{})
			var how int64
			s.Go("caller", func() {
				how = runAndWait(k, gaveUp)
			})
			s.Go("timer", k.timerFired)
			if cancels {
				s.Go("canceler", func() {
					explore.Write("done", k)
					close(gaveUp)
				})
			}
			s.Finally(func() error {
				if how < finished || how > abandoned || how != k.status.Load() || how == abandoned && !cancels {
					return fmt.Errorf("the caller was told %d, the status is %d", how, k.status.Load())
				}
				return nil
			})
		})
	}
}

func TestE07LateTimerSparesTheNextCallOfATaskInEverySchedule(t *testing.T) {
	everySchedule(t, "two calls", func(s *explore.Scenario) {
		x, k := racedTask(s)
		var first, second int64
		s.Go("caller", func() {
			if first = runAndWait(k, nil); first != finished {
				return // the worker has the task
			}
			k.ctx, k.err = nil, nil // as done does, which would stop the timer of a cold task
			x.bulkhead.acquire(window.NoSeat)
			explore.Write("status", k)
			k.status.Store(int64(time.Hour))
			second = runAndWait(k, nil)
		})
		s.Go("timer", k.timerFired)
		s.Finally(func() error {
			if first == finished && second != finished || first != finished && first != expired {
				return fmt.Errorf("the calls ended with %d and %d", first, second)
			}
			return nil
		})
	})
}

// whole is a scenario of whole calls.
func whole(s *explore.Scenario, isolation Isolation) (c *Circuit, canceler func(context.CancelFunc)) {
	x := newExplored(s, Settings{RequestVolumeThreshold: 100})
	cfg := *x.config.Load()
	cfg.pooled, cfg.timeout = isolation == Pool, time.Hour
	x.config.Store(&cfg)
	crowded := &crowd{s: s, b: x.bulkhead, limit: 1}
	x.bulkhead.resize(Settings{Isolation: isolation, MaxConcurrent: 1, QueueSize: 1})
	crowded.values()
	s.Finally(crowded.nothingLeft)
	return x.Circuit, func(cancel context.CancelFunc) {
		explore.Write("granted")
		crowded.canceled = true
		cancel()
	}
}

func TestA03EverySlotComesBackInEverySchedule(t *testing.T) {
	runs := map[string]func(context.Context) (int, error){
		"return": func(context.Context) (int, error) { return 1, nil },
		"error":  func(context.Context) (int, error) { return 0, errors.New("sick") },
		"panic":  func(context.Context) (int, error) { panic("boom") },
		"goexit": func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
	}
	for _, isolation := range []Isolation{Semaphore, Pool} {
		for name, run := range runs {
			if name == "goexit" && isolation == Semaphore {
				continue // it would end the scenario's own goroutine, which is a failure there
			}
			everySchedule(t, isolation.String()+", "+name, func(s *explore.Scenario) {
				c, cancels := whole(s, isolation)
				ctx, cancel := context.WithCancel(context.Background())
				s.Go("canceler", func() { cancels(cancel) })
				for _, who := range []string{"canceled", "lasting"} {
					s.Go(who, func() {
						mine := context.Background()
						if who == "canceled" {
							mine = ctx
						}
						defer func() { _ = recover() }()
						explore.Read("granted")
						_, _ = Do(mine, c, run)
					})
				}
				s.Finally(func() error {
					total := countsOf(c.counters.Sums())
					if total.Total() != 2 || total.Canceled > 1 || total.Rejected > 0 || c.meters.queued.Load() != 0 {
						return fmt.Errorf("%+v, %d queued", total, c.meters.queued.Load())
					}
					return nil
				})
			})
		}
	}
}

func TestH01FutureResolvesOnceForAllWhoWaitInEverySchedule(t *testing.T) {
	everySchedule(t, "two wait, one gives up", func(s *explore.Scenario) {
		c, cancels := whole(s, Semaphore)
		ctx, cancel := context.WithCancel(context.Background())
		runs, seen := 0, 0
		f := Bind(c, func(context.Context, int) (int, error) { runs++; return 7, nil })
		var future *Future[int]
		s.Go("caller", func() {
			future = f.Go(context.Background(), 1)
			explore.Write("future")
		})
		s.Go("canceler", func() { cancels(cancel) })
		for _, who := range []string{"patient", "impatient"} {
			s.Go(who, func() {
				explore.Until(func() bool { return future != nil })
				mine := context.Background()
				if who == "impatient" {
					mine = ctx
				}
				explore.Read("granted")
				v, err := future.Wait(mine)
				if err != nil && who == "impatient" {
					v, err = future.Wait(context.Background())
				}
				if v != 7 || err != nil {
					s.Failf("%s saw %d, %v", who, v, err)
				}
				seen++
			})
		}
		s.Finally(func() error {
			if runs != 1 || seen != 2 {
				return fmt.Errorf("ran %d times, %d saw it", runs, seen)
			}
			return nil
		})
	})
}
