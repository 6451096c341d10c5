package main

import (
	"context"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// ending is what the work of one call does.
type ending int

const (
	succeeds ending = iota
	fails
	failsWithHint
	isIgnored
	panics
	exits
	obeys   // waits for its context
	ignores // goes on after its deadline
	numEndings
)

// How often each ending comes, while a dependency is sick and while it is well.
var (
	sick = [numEndings]int{succeeds: 60, fails: 8, failsWithHint: 2, isIgnored: 8, panics: 4, exits: 4, obeys: 7, ignores: 7}
	well = [numEndings]int{succeeds: 189, fails: 3, isIgnored: 3, panics: 1, exits: 1, obeys: 1, ignores: 2}
)

// phase is how long a dependency stays sick or well.
const phase = 150 * time.Millisecond

// order is the request of a call: it says what the work shall do.
type order struct {
	ending ending
	takes  time.Duration
	came   time.Time // before the call was made
}

func (d *dependency) newOrder(r *rand.Rand) order {
	weights, total := &well, 0
	if (time.Since(d.soak.began)/phase+time.Duration(d.number))%4 == 0 {
		weights = &sick
	}
	for _, w := range weights {
		total += w
	}
	pick := r.IntN(total)
	o := order{takes: time.Duration(r.IntN(1000)) * time.Microsecond, came: time.Now()}
	for e, w := range weights {
		if pick -= w; pick < 0 {
			o.ending = ending(e)
			break
		}
	}
	return o
}

// dependency is a circuit and all that belongs to it.
type dependency struct {
	*quill.Circuit

	command  *quill.Command[order, int] // with fallbacks
	bare     *quill.Command[order, int]
	hall     *hall
	ledger   ledger
	spare    *dependency // whom its fallback asks; may be nil
	soak     *soak
	number   int
	shared   bool // whether others use its bulkhead too
	flipping bool // whether its isolation changes
}

// serve is the work: what run does.
func (d *dependency) serve(ctx context.Context, o order) (int, error) {
	d.hall.enter(o.came)
	defer d.hall.leave()
	return d.work(ctx, o)
}

func (d *dependency) work(ctx context.Context, o order) (int, error) {
	switch o.ending {
	case obeys:
		<-ctx.Done()
		return 0, errSick
	case ignores:
		wait(o.takes * 20)
		return 1, nil
	default:
		wait(o.takes)
	}
	switch o.ending {
	case fails:
		return 0, errSick
	case failsWithHint:
		return 0, quill.RetryAfter(errSick, o.takes)
	case isIgnored:
		return 0, quill.Ignore(errRequest)
	case panics:
		panic(errPanic)
	case exits:
		runtime.Goexit()
	default:
	}
	return 1, nil
}

// wait lets real time pass: short waits by spinning politely, longer ones on a timer.
func wait(d time.Duration) {
	if d < 100*time.Microsecond {
		for start := time.Now(); time.Since(start) < d; {
			runtime.Gosched()
		}
		return
	}
	<-time.After(d)
}
