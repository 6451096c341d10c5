package play

import (
	"context"
	"errors"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// call is one execution of a command.
type call struct {
	cmd           *command
	label         string // in the order of runs; "" for none
	run, fallback *oracle.Body
	ctx           context.Context //nolint:containedctx // a call is what a context is for
	cancel        context.CancelFunc

	entered, fellBack, done chan struct{}

	// Guarded by world.mu until done is closed.
	interrupt                   bool // whether its cancel asked to interrupt
	interrupted                 bool
	told                        bool // that its run is over, before its fallback
	runEntered, fallbackEntered bool
	event                       quill.CallEvent
	at                          time.Time // of its end

	answer   quill.Answer[string]
	err      error
	panicked any
	elapsed  time.Duration
}

type callKey struct{}

func (w *world) newCall(ctx context.Context, cmd string, run, fallback *oracle.Body) *call {
	c := &call{
		cmd: w.commands[cmd], run: run, fallback: fallback,
		entered: make(chan struct{}), fellBack: make(chan struct{}), done: make(chan struct{}),
	}
	ctx, c.cancel = context.WithCancel(ctx)
	c.ctx = context.WithValue(ctx, callKey{}, c)
	return c
}

// command is the quill command of the call: the circuit, this run, this fallback.
func (c *call) command() *quill.Command[struct{}, string] {
	w := c.cmd.world
	cmd := quill.Bind(c.cmd.circuit, func(ctx context.Context, _ struct{}) (string, error) {
		defer w.enterRun(c)()
		return w.do(ctx, c, c.run)
	})
	if !c.hasFallback() {
		return cmd
	}
	return cmd.Fallback("fallback", func(ctx context.Context, _ struct{}, cause error) (string, error) {
		defer w.enterFallback(c, cause)()
		return w.do(ctx, c, c.fallback)
	})
}

func (c *call) hasFallback() bool { return c.fallback != nil && c.cmd.props.FallbackEnabled }

// execute calls the command and waits.
func (c *call) execute() { c.executeAs(c.command()) }

func (c *call) executeAs(cmd *quill.Command[struct{}, string]) {
	c.conclude(func() (quill.Answer[string], error) { return cmd.Answer(c.ctx, struct{}{}) })
}

// queue calls the command by its asynchronous method, and waits for the future.
func (c *call) queue() {
	future := c.command().Go(c.ctx, struct{}{})
	c.conclude(func() (quill.Answer[string], error) { return future.Answer(context.Background()) })
}

func (c *call) conclude(answer func() (quill.Answer[string], error)) {
	began := time.Now()
	defer closeOnce(c.done)
	defer func() {
		c.panicked = recover()
		c.elapsed = time.Since(began)
	}()
	c.answer, c.err = answer()
}

// enterRun counts a run body in, and returns what counts it out.
func (w *world) enterRun(c *call) func() {
	w.bodies.Add(1)
	s := c.cmd.circuit.Stats()
	w.mu.Lock()
	defer w.mu.Unlock()
	c.runEntered = true
	c.cmd.did.RunEntered++
	c.cmd.peaks = append(c.cmd.peaks, peak{time.Now(), s.InFlight - s.Abandoned})
	if c.label != "" {
		w.order = append(w.order, c.label)
	}
	closeOnce(c.entered)
	return func() {
		w.mu.Lock()
		c.cmd.did.RunFinished++
		w.mu.Unlock()
		w.bodies.Done()
	}
}

func (w *world) enterFallback(c *call, cause error) func() {
	w.bodies.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	c.fallbackEntered = true
	c.cmd.did.FallbackEntered++
	c.told = true
	c.cmd.notes = append(c.cmd.notes, note{c, c.cmd.eventOf(c.cmd.outcomeOf(cause))})
	closeOnce(c.fellBack)
	return w.bodies.Done
}

// outcomeOf is the outcome of a run that a fallback is to answer. An error of another command
// is one that run passed on.
func (c *command) outcomeOf(cause error) quill.Outcome {
	if own, ok := cause.(*quill.Error); ok && own.Command == c.name { //nolint:errorlint // not one inside
		return own.Outcome
	}
	return quill.Failure
}

// closeOnce closes what a reused command may close again.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// interrupts reports whether Java would have interrupted the body for the end of ctx.
func (c *call) interrupts(ctx context.Context) bool {
	if errors.Is(context.Cause(ctx), quill.ErrTimeout) {
		return c.cmd.props.InterruptOnTime
	}
	c.cmd.world.mu.Lock()
	defer c.cmd.world.mu.Unlock()
	return c.interrupt && c.cmd.props.InterruptOnCancel
}

// onCall is the hook of every circuit.
func (c *command) onCall(ctx context.Context, e quill.CallEvent) {
	k, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return // the runner's own
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	k.event, k.at = e, time.Now()
	c.ended = append(c.ended, k)
	c.notes = append(c.notes, note{k, ""})
}

// result is how the call ended, in the words of the recordings.
func (c *call) result(band []int) *oracle.Result {
	r := &oracle.Result{
		Count: 1, Events: c.events(),
		FromFallback: c.err == nil && c.answer.Step != "", RunEntered: c.runEntered, FallbackEntered: c.fallbackEntered,
	}
	switch {
	case c.panicked != nil:
		r.Outcome, r.Error = "error", &oracle.Error{Kind: "panic"}
		err, _ := c.panicked.(error)
		r.ExecutionException = c.coded(err)
	case c.err != nil:
		r.Outcome, r.Error = "error", c.asError()
		r.ExecutionException = c.coded(c.answer.Cause)
	default:
		r.Outcome, r.Value = "value", c.answer.Value
		r.ExecutionException = c.coded(c.answer.Cause)
	}
	if len(band) == 2 {
		ms := int(c.elapsed.Milliseconds())
		in := band[0] <= ms && ms <= band[1]
		r.InElapsedBand = &in
	}
	return r
}

func (c *call) coded(err error) *string {
	code := c.cmd.world.code(c.cmd, err)
	return &code
}

func (c *call) asError() *oracle.Error {
	switch c.answer.Outcome {
	case quill.Ignored:
		return &oracle.Error{Kind: "badRequest"}
	case quill.Canceled:
		return &oracle.Error{Kind: oracle.Cancelled}
	default:
	}
	if _, raw := c.err.(*notWrappedError); raw { //nolint:errorlint // whether it comes untouched
		return &oracle.Error{Kind: "raw"}
	}
	e := &oracle.Error{Kind: "runtime", FailureType: c.failureType(), Cause: c.coded(c.answer.Cause)}
	if failed, ok := c.err.(*quill.Error); ok && len(c.event.Steps) > 0 && !c.fallbackRefused() { //nolint:errorlint // its own
		e.FallbackCause = c.coded(failed.Steps[0].Err)
	}
	return e
}

// failureType is Hystrix's word for what went wrong.
func (c *call) failureType() string {
	if c.fallbackRefused() {
		return "REJECTED_SEMAPHORE_FALLBACK"
	}
	switch c.answer.Outcome {
	case quill.Timeout:
		return "TIMEOUT"
	case quill.ShortCircuited:
		return "SHORTCIRCUIT"
	case quill.Rejected:
		if c.cmd.props.Semaphore {
			return "REJECTED_SEMAPHORE_EXECUTION"
		}
		return "REJECTED_THREAD_EXECUTION"
	default:
		return "COMMAND_EXCEPTION"
	}
}

func (c *call) fallbackRefused() bool {
	return len(c.event.Steps) > 0 && errors.Is(c.event.Steps[0].Err, quill.ErrFallbackFull)
}
