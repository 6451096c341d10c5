package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// caller is one goroutine that makes calls until the time is up.
type caller struct {
	d       *dependency
	rand    *rand.Rand
	dropped *sync.WaitGroup // futures nobody waits for
}

func (c *caller) run(end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		default:
		}
		c.call()
		wait(time.Duration(c.rand.IntN(1000)) * time.Microsecond)
	}
}

// call makes one call, one of the ways there are.
func (c *caller) call() {
	ctx, cancel := c.context()
	defer cancel()
	o := c.d.newOrder(c.rand)
	switch c.rand.IntN(10) {
	case 0, 1:
		c.begin(ctx, o)
	case 2:
		c.drop(ctx, o)
	case 3, 4:
		c.goAndWait(ctx, o)
	case 5, 6:
		c.d.ask(ctx, c.d.command, o)
	default:
		c.d.ask(ctx, c.d.bare, o)
	}
}

// context is the caller's own: mostly without an end, sometimes with one, sometimes past it.
func (c *caller) context() (context.Context, context.CancelFunc) {
	short := time.Duration(c.rand.IntN(3000)) * time.Microsecond
	switch c.rand.IntN(12) {
	case 0:
		return context.WithTimeout(context.Background(), short)
	case 1:
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(short, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	case 2:
		ctx, cancel := context.WithCancel(context.Background())
		if c.rand.IntN(4) == 0 {
			cancel()
		}
		return ctx, cancel
	}
	return context.Background(), func() {}
}

// ask makes a call with Answer, on a goroutine that a panic or Goexit may end.
func (d *dependency) ask(ctx context.Context, command *quill.Command[order, int], o order) {
	d.ledger.entered.Add(1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		outcome := quill.Failure // what unwinds this goroutine is one
		defer func() {
			d.recovered(recover())
			d.ledger.seen[outcome].Add(1)
			d.ledger.returned.Add(1)
		}()
		a, err := command.Answer(ctx, o)
		outcome = d.check(a, err)
	}()
	<-done
}

// recovered looks at what a call panicked with.
func (d *dependency) recovered(value any) {
	if value == nil {
		return
	}
	err, _ := value.(error)
	if !errors.Is(err, errPanic) {
		d.soak.breaches.addf(figureAgree, "%s: a panic that nobody made: %v", d.Name(), value)
	}
}

// check tells an answer's outcome from the errors, and holds what it says itself to that.
func (d *dependency) check(a quill.Answer[int], err error) quill.Outcome {
	cause := err
	if err == nil {
		cause = a.Cause
	}
	outcome := outcomeOf(cause)
	if outcome != a.Outcome {
		d.soak.breaches.addf(figureAgree, "%s: an answer says %s, its error %v", d.Name(), a.Outcome, cause)
	}
	if err == nil && a.Value == 0 {
		d.soak.breaches.addf(figureAgree, "%s: success without a value (%s, step %q)", d.Name(), a.Outcome, a.Step)
	}
	return outcome
}

// goAndWait makes a call with Go and waits for it, twice, giving up the first time.
func (c *caller) goAndWait(ctx context.Context, o order) {
	d := c.d
	d.ledger.entered.Add(1)
	f := d.bare.Go(ctx, o)
	impatient, cancel := context.WithTimeout(context.Background(), 200*time.Microsecond)
	defer cancel()
	select {
	case <-f.Done():
	case <-impatient.Done():
	}
	d.collect(f)
}

// drop makes a call with Go that nobody waits for, but the harness, which only counts.
func (c *caller) drop(ctx context.Context, o order) {
	d := c.d
	d.ledger.entered.Add(1)
	f := d.bare.Go(context.WithoutCancel(ctx), o)
	c.dropped.Go(func() { d.collect(f) })
}

func (d *dependency) collect(f *quill.Future[int]) {
	outcome := quill.Failure
	defer func() {
		d.recovered(recover())
		d.ledger.seen[outcome].Add(1)
		d.ledger.returned.Add(1)
	}()
	outcome = d.check(f.Answer(context.Background()))
}

// begin makes a call in two steps.
func (c *caller) begin(ctx context.Context, o order) {
	d := c.d
	d.ledger.entered.Add(1)
	k, err := d.Begin(ctx)
	if err == nil {
		err = c.endOf(k, o)
	}
	d.ledger.seen[outcomeOf(err)].Add(1)
	d.ledger.returned.Add(1)
}

func (c *caller) endOf(k *quill.Call, o order) error {
	d := c.d
	if o.ending == panics || o.ending == exits {
		o.ending = fails // the caller's own goroutine is at work here
	}
	d.hall.enter(o.came)
	_, worked := d.work(k.Context(), o)
	d.hall.leave()
	outcome, err := k.End(worked)
	if outcome != outcomeOf(err) {
		d.soak.breaches.addf(figureAgree, "%s: End says %s, its error %v", d.Name(), outcome, err)
	}
	if o.takes < 200*time.Microsecond {
		if again, _ := k.End(errSick); again != outcome {
			d.soak.breaches.addf(figureAgree, "%s: the second End says %s, the first said %s", d.Name(), again, outcome)
		}
	}
	return err
}
