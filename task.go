package quill

import (
	"context"
	"math"
	"sync/atomic"
	"time"
	"weak"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// task is one piece of work on its way through a pool, and the wait of its caller for it.
// Work, deadline and a caller who gives up race for its end by one compare-and-swap on
// status; the losers touch nothing more. A task whose work and caller are both done with
// it serves another call; an abandoned one is left to the garbage collector.
type task struct {
	work    work
	ctx     context.Context //nolint:containedctx // handed from the caller to the worker
	circuit *Circuit
	worker  *worker // the one that it had last
	warm    bool    // whether it may use a kept worker, and its worker be kept
	kept    bool    // whether the task is kept for another call, its timer still set

	// status is the call's deadline (noDeadline if it has none) while the work runs, and
	// then how it ended. A timer that is late and compares the deadline of an earlier call
	// does no harm: if it equals that of the present call, this one has timed out as well.
	status    atomic.Int64
	done      chan struct{} // holds one: the call has ended
	completer completer     // notified in place of done, if there is one

	timer *time.Timer
	armed atomic.Int64 // when the timer fires, as a deadline; idle if it does not

	// Written by the worker before status becomes finished.
	err      error
	panicked *PanicError
	goexit   bool
}

// completer is notified in place of a caller who does not wait.
type completer interface {
	// completed must not block.
	completed(how int64)
}

const (
	noDeadline int64 = math.MaxInt64
	idle       int64 = math.MinInt64
	finished   int64 = math.MinInt64 + 1 // the work returned in time
	expired    int64 = math.MinInt64 + 2 // the deadline came first
	abandoned  int64 = math.MinInt64 + 3 // the caller gave up first
)

// init readies a new t for its first call.
func (t *task) init(c *Circuit, w work, warm, kept bool) {
	t.circuit, t.work, t.warm, t.kept = c, w, warm, kept
	t.done = make(chan struct{}, 1)
	t.armed.Store(idle)
	t.status.Store(idle)
	ring := t.timerFired
	if kept {
		// The timer of a call that has ended stays set, and must not keep task and circuit
		// from the collector until the timeout. A call under way holds its task itself.
		held := weak.Make(t)
		ring = func() {
			if t := held.Value(); t != nil {
				t.timerFired()
			}
		}
	}
	t.timer = time.AfterFunc(time.Hour, ring)
	t.timer.Stop()
}

// begin starts a call that must end at deadline.
func (t *task) begin(deadline int64) {
	explore.Write("status", t)
	t.status.Store(deadline)
	if deadline != noDeadline {
		t.arm(deadline)
	}
}

// tryEnd ends the call one way, unless it has ended another way already.
func (t *task) tryEnd(how int64) bool {
	explore.Read("status", t)
	s := t.status.Load()
	explore.Write("status", t)
	return s > abandoned && t.status.CompareAndSwap(s, how)
}

// await blocks until the work is finished, the deadline has passed, or gaveUp is closed,
// and returns which of them was first.
func (t *task) await(gaveUp <-chan struct{}) (how int64) {
	if gaveUp == nil {
		if explore.On {
			explore.Receive("done", t.done, t)
		}
		<-t.done
		explore.Read("status", t)
		return t.status.Load()
	}
	var done <-chan struct{} = t.done
	if explore.On {
		explore.Select("done", t, &done, &gaveUp)
	}
	select {
	case <-done:
	case <-gaveUp:
		explore.Read("status", t)
		if t.abandon(t.status.Load(), abandoned) {
			t.timer.Stop() // or it would keep the call's request in memory until the deadline
			return abandoned
		}
		if explore.On {
			explore.Receive("done", t.done, t)
		}
		<-t.done
	}
	explore.Read("status", t)
	return t.status.Load()
}

// abandon ends the wait for work that goes on without a caller. It does nothing if the status
// is no longer was: then that call is over, and the task may be in use for another. The work is
// counted as abandoned before the compare-and-swap, so that the worker, which counts it back,
// never comes first.
func (t *task) abandon(was, how int64) bool {
	if explore.On {
		explore.Write("abandoned")
	}
	t.circuit.abandon(1)
	if explore.On {
		explore.Write("status", t)
	}
	if was > abandoned && t.status.CompareAndSwap(was, how) {
		return true
	}
	if explore.On {
		explore.Write("abandoned")
	}
	t.circuit.abandon(-1)
	return false
}

// arm makes the timer fire at the deadline or before. A call that ends does not stop the timer:
// it stays set for the next call of the task, and when it fires, timerFired looks whether a
// call is due. So a busy command seldom touches a timer (BenchmarkPool).
func (t *task) arm(deadline int64) {
	for {
		explore.Read("armed", t)
		at := t.armed.Load()
		if at != idle && at <= deadline {
			return // it fires in time, and will find this deadline
		}
		explore.Write("armed", t)
		if t.armed.CompareAndSwap(at, deadline) {
			break
		}
	}
	// Another goroutine in arm may have set an earlier time meanwhile, and called Reset before
	// this one.
	for at := deadline; at != idle; {
		t.timer.Reset(time.Duration(at) - t.circuit.now())
		explore.Read("armed", t)
		latest := t.armed.Load()
		if latest == at {
			return
		}
		at = latest
	}
}

// timerFired is what the timer calls. It clears armed before it reads the deadline, and begin
// sets the deadline before it reads armed: so one of them sees the other's write.
func (t *task) timerFired() {
	explore.Write("armed", t)
	t.armed.Store(idle)
	explore.Read("status", t)
	s := t.status.Load()
	if s <= abandoned || s == noDeadline {
		return
	}
	if int64(t.circuit.now()) < s {
		t.arm(s)
		return
	}
	if t.abandon(s, expired) {
		t.notify(expired)
	}
}

// notify passes on how the call has ended, to the waiting caller or to the completer.
func (t *task) notify(how int64) {
	if t.completer != nil {
		t.completer.completed(how)
		return
	}
	explore.Write("done", t)
	t.done <- struct{}{}
}

// clear drops what belonged to the call.
func (t *task) clear() {
	t.ctx, t.err, t.panicked, t.goexit = nil, nil, nil, false
}
