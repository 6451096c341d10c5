//go:build explore

package quill

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// A call by Go is seen by whoever looks what is at work, until its future is done.
func TestWaitMissesNoCallByGoInEverySchedule(t *testing.T) {
	for _, ends := range []string{"success", "failure", "deadline", "cancel"} {
		everySchedule(t, ends, func(s *explore.Scenario) {
			x, _ := racedTask(s)
			future := &Future[int]{done: make(chan struct{})}
			p := &pooledCall[int, int]{run: func(context.Context, int) (int, error) {
				if ends == "failure" {
					return 0, ErrGoexit
				}
				return 7, nil
			}}
			p.init(x.Circuit, p, false, true)
			a := &asyncCall[int, int]{call: p, command: Bind(x.Circuit, p.run), future: future}
			p.async, p.completer, p.ctx = a, a, context.Background()
			a.exec.init(p.ctx, x.Circuit, x.current())
			a.exec.admission.token.epoch, _ = x.passing()
			a.exec.started = true // racedTask has the slot
			p.status.Store(0)
			x.meters.background.Store(1) // as goOnWorker has it

			s.Go("caller", func() { x.bulkhead.start(&p.task) })
			switch ends {
			case "deadline":
				s.Go("timer", p.timerFired)
			case "cancel":
				s.Go("canceler", a.giveUp)
			}
			s.Go("whoever waits", func() {
				idle := x.atWork() == ""
				explore.Read("future")
				select {
				case <-future.done:
				default:
					if idle {
						s.Failf("nobody is at work, and the future is not resolved")
					}
				}
			})
			s.Finally(func() error {
				if n := x.meters.background.Load(); n != 0 {
					return fmt.Errorf("%d in the background", n)
				}
				return nil
			})
		})
	}
}

func TestH01CallByGoEndsOnceInEverySchedule(t *testing.T) {
	for _, ends := range []string{"deadline", "cancel", "both"} {
		everySchedule(t, ends, func(s *explore.Scenario) {
			x, _ := racedTask(s)
			ctx := context.Background()
			c := Bind(x.Circuit, func(context.Context, int) (int, error) { return 7, nil })
			future := &Future[int]{done: make(chan struct{})}
			p := &pooledCall[int, int]{run: c.run}
			p.init(x.Circuit, p, false, true)
			a := &asyncCall[int, int]{call: p, command: c, future: future}
			p.async, p.completer, p.ctx = a, a, ctx
			a.exec.init(ctx, x.Circuit, x.current())
			epoch, _ := x.passing()
			a.exec.admission.token.epoch, a.exec.started = epoch, true // racedTask has the slot
			p.status.Store(0)
			x.meters.background.Store(1) // as goOnWorker has it

			stopped, givesUp := false, false
			a.stop = func() bool {
				explore.Write("stop")
				stopped = true
				return !givesUp
			}
			s.Go("caller", func() { x.bulkhead.start(&p.task) })
			if ends != "cancel" {
				s.Go("timer", p.timerFired)
			}
			if ends != "deadline" {
				s.Go("canceler", func() {
					explore.Write("stop")
					if !stopped {
						givesUp = true
						a.giveUp()
					}
				})
			}
			s.Finally(func() error {
				select {
				case <-future.done:
				default:
					return fmt.Errorf("the future is not resolved")
				}
				counts := countsOf(x.counters.Sums())
				v, err := future.answer.Value, future.err
				if counts.Total() != 1 || (counts.Success == 1) != (err == nil && v == 7) {
					return fmt.Errorf("%+v, answered %d, %v", counts, v, err)
				}
				if counts.Success == 0 && c.spares.Get() != nil {
					return fmt.Errorf("kept for another call while its work may run")
				}
				return nil
			})
		})
	}
}
