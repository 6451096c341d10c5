package quill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// These tests hold run's context to what package context promises of one with a deadline:
// whatever is done with it, and in whatever order, it answers as [context.WithDeadlineCause]
// does.

var errCaller = errors.New("the caller has a reason")

// ofTheirOwn is a context of somebody else's making around another: package context knows
// nothing of it but its methods.
type ofTheirOwn struct{ context.Context } //nolint:containedctx // it is one

// watched is a context, made from the one that is tried, and whether it was told of its end.
type watched struct {
	context.Context //nolint:containedctx // it is one

	told chan struct{} // of AfterFunc; nil: it is a child
}

func (w *watched) String() string {
	if w.told != nil {
		select {
		case <-w.told:
			return "told"
		default:
			return "not told"
		}
	}
	closed := false
	select {
	case <-w.Done():
		closed = true
	default:
	}
	at, ok := w.Deadline()
	return fmt.Sprint(w.Err(), context.Cause(w), closed, ok, at.UnixNano(), w.Value(ctxKey{}))
}

// trial is a context that is tried, with what was made of it.
type trial struct {
	ctx    context.Context //nolint:containedctx // what is tried
	cancel context.CancelCauseFunc
	end    func()
	made   []*watched
	undo   []func()
	seen   strings.Builder
}

const (
	trialDeadline = time.Second
	aWhile        = 210 * time.Millisecond // no sum of these is a deadline of anybody
	aLongWhile    = 770 * time.Millisecond
)

// trialSteps are what may be done.
var trialSteps = map[string]func(x *trial){
	"look at all": func(x *trial) {
		for _, w := range append([]*watched{{Context: x.ctx}}, x.made...) {
			fmt.Fprintln(&x.seen, w)
		}
	},
	"Err":    func(x *trial) { fmt.Fprintln(&x.seen, x.ctx.Err()) },
	"Cause":  func(x *trial) { fmt.Fprintln(&x.seen, context.Cause(x.ctx)) },
	"Value":  func(x *trial) { fmt.Fprintln(&x.seen, x.ctx.Value(ctxKey{}), x.ctx.Value(new(int))) },
	"Done":   func(x *trial) { _ = x.ctx.Done() },
	"cancel": func(x *trial) { x.cancel(errCaller) },
	"end":    func(x *trial) { x.end() },
	"a while": func(*trial) {
		time.Sleep(aWhile)
	},
	"a long while": func(*trial) {
		time.Sleep(aLongWhile)
	},
	"WithCancel": child(context.WithCancel),
	"WithTimeout, earlier": child(func(c context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(c, time.Second/4)
	}),
	"WithTimeout, later": child(func(c context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(c, time.Hour)
	}),
	"WithoutCancel": child(func(c context.Context) (context.Context, context.CancelFunc) {
		return context.WithoutCancel(c), func() {}
	}),
	"WithValue, WithCancel": child(func(c context.Context) (context.Context, context.CancelFunc) {
		return context.WithCancel(context.WithValue(c, ctxKey{}, 8))
	}),
	"of their own": child(func(c context.Context) (context.Context, context.CancelFunc) { return ofTheirOwn{c}, func() {} }),
	"of their own, a child": child(func(c context.Context) (context.Context, context.CancelFunc) {
		return context.WithCancel(ofTheirOwn{c})
	}),
	"WithCancelCause, ended": func(x *trial) {
		c, cancel := context.WithCancelCause(x.ctx)
		cancel(errChild)
		x.made = append(x.made, &watched{Context: c})
	},
	"AfterFunc": func(x *trial) {
		told := make(chan struct{})
		stop := context.AfterFunc(x.ctx, func() { close(told) })
		x.made, x.undo = append(x.made, &watched{told: told}), append(x.undo, func() { stop() })
	},
	"AfterFunc, stopped": func(x *trial) {
		told := make(chan struct{})
		fmt.Fprintln(&x.seen, context.AfterFunc(x.ctx, func() { close(told) })())
		x.made = append(x.made, &watched{told: told})
	},
}

var errChild = errors.New("a child has a reason of its own")

func child(with func(context.Context) (context.Context, context.CancelFunc)) func(x *trial) {
	return func(x *trial) {
		c, cancel := with(x.ctx)
		x.made, x.undo = append(x.made, &watched{Context: c}), append(x.undo, cancel)
	}
}

// play does the steps to a context of the given kind and returns what was seen.
func play(t *testing.T, steps []string, theirs, lazy bool) string {
	t.Helper()
	var x trial
	synctest.Test(t, func(t *testing.T) {
		caller, cancel := context.WithCancelCause(context.WithValue(context.Background(), ctxKey{}, 7))
		x.cancel = cancel
		if theirs {
			caller = ofTheirOwn{caller}
		}
		born := time.Now()
		if lazy {
			d := newDeadline(caller, trialDeadline)
			x.ctx = d //nolint:fatcontext // the trial is of this one
			x.end = func() {
				if d.early() {
					d.end()
				}
			}
		} else {
			x.ctx, x.end = context.WithDeadlineCause(caller, born.Add(trialDeadline), ErrTimeout)
		}
		for _, s := range steps {
			trialSteps[s](&x)
			synctest.Wait()
		}
		for _, undo := range x.undo {
			undo()
		}
		x.end()
		x.cancel(nil)
	})
	return x.seen.String()
}

// knowable puts a look before a step whose place among the ends nobody can know who looks for
// the first time when all is over: a context with a timer is told when the caller's ends, run's
// only after somebody asked for what needs that. So did the caller cancel before the deadline,
// or before the call was over?
func knowable(steps []string) []string {
	var all []string
	passed, ended := time.Duration(0), false
	for _, s := range steps {
		switch s {
		case "a while":
			passed += aWhile
		case "a long while":
			passed += aLongWhile
		case "end":
			ended = true
		case "cancel":
			if ended || passed > trialDeadline {
				all = append(all, "Err")
			}
		}
		all = append(all, s)
	}
	return all
}

func TestRunsContextAnswersAsOneWithATimerDoes(t *testing.T) {
	names := slices.Sorted(maps.Keys(trialSteps))
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom(names), 1, 12).Draw(rt, "steps")
		steps = append(knowable(steps), "look at all")
		theirs := rapid.Bool().Draw(rt, "the caller's context is of his own making")
		require.Equal(rt, play(t, steps, theirs, false), play(t, steps, theirs, true), "%q", steps)
	})
}

// A goroutine that run left behind looks at its context for the first time after the deadline.
func TestRunsContextOfACallThatWasInTimeIsCanceledWheneverItIsAsked(t *testing.T) {
	steps := []string{"a while", "end", "a long while", "a long while", "Err", "Cause", "look at all"}
	require.Equal(t, play(t, steps, false, false), play(t, steps, false, true))
	require.NotContains(t, play(t, steps, false, true), ErrTimeout.Error(), "no timeout is told of a call that had none")
}

// In no bubble: there the clock stands still.
func TestRunsContextTellsTheSameDeadlineEachTime(t *testing.T) {
	d := newDeadline(t.Context(), time.Hour)
	first, ok := d.Deadline()
	require.True(t, ok)
	require.InDelta(t, time.Hour, time.Until(first), float64(time.Minute))
	for _, look := range []func(){func() {}, func() { _ = d.Done() }, func() { d.end() }} {
		look()
		for range 1000 {
			again, _ := d.Deadline()
			require.Equal(t, first, again) // the wall clock's part as well
		}
	}
}

func TestNoChildOfRunsContextCostsAGoroutine(t *testing.T) {
	for _, theirs := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			caller, cancel := context.WithCancel(t.Context())
			defer cancel()
			if theirs {
				caller = ofTheirOwn{caller}
			}
			x := trial{ctx: newDeadline(caller, trialDeadline)}
			before := runtime.NumGoroutine()
			if theirs {
				before++ // what waits for a context that nobody knows, as for any child of it
			}
			for range 10 {
				for _, s := range []string{
					"WithCancel", "WithTimeout, earlier", "WithTimeout, later", "WithoutCancel", "WithValue, WithCancel", "AfterFunc",
				} {
					trialSteps[s](&x)
				}
			}
			require.Less(t, runtime.NumGoroutine(), before+10, "sixty children; a few goroutines may be others'")
			for _, undo := range x.undo {
				undo()
			}
		})
	}
}

// Who asks first makes what is asked for, and who ends the call ends it: they may meet.
func TestRunsContextIsOneForAllWhoAskAtOnce(t *testing.T) {
	for range 5000 {
		caller, cancel := context.WithCancel(t.Context())
		d := newDeadline(caller, time.Hour)
		var done [2]<-chan struct{}
		var children [2]context.Context
		var undo [2]context.CancelFunc
		var there atomic.Int32
		var all sync.WaitGroup
		for i := range done {
			all.Go(func() {
				for there.Add(1); there.Load() < 2; { // both at the same time, if there are two processors
					runtime.Gosched()
				}
				done[i] = d.Done()
				children[i], undo[i] = context.WithCancel(d) //nolint:fatcontext // each its own
			})
		}
		all.Go(func() { d.end() })
		all.Wait()
		require.Equal(t, done[0], done[1])
		for i, child := range children {
			<-child.Done()
			undo[i]()
		}
		require.Equal(t, context.Canceled, d.Err())
		cancel()
	}
}
