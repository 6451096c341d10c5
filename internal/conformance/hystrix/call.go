package hystrix

import (
	"slices"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// command is one Hystrix command.
type command struct {
	name     string
	model    *model
	props    CommandProps
	pool     *pool
	breaker  breaker
	nextTick int

	permits   int // of the semaphore, in use
	fallbacks int // under way
	inFlight  int
	did       oracle.Bodies
	peaks     []peak
	counted   []counted
	told      []string // notifications since the last such step
}

// peak is how many calls were in flight when one of them started.
type peak struct{ at, n int }

// counted is an event in the counters.
type counted struct {
	at    int
	event string
	of    *call
}

// failure is an error of a body, or what else kept a call from a result.
type failure struct {
	code string // as in the recordings
	kind kind
}

type kind int

const (
	plain kind = iota
	badRequest
	notWrapped
	javaError // java.lang.Error
	fatal     // one that says that the virtual machine is at its end
	unsupported
)

// call is one execution of a command.
type call struct {
	command       *command
	label         string
	run, fallback *oracle.Body
	then          func(*call) // what its caller does with the result

	began, returnedAt int
	epoch             int // of the breaker; see there
	probe, late       bool
	gaveBack          bool // a probe's place

	timer    *event
	runs     body // where its run is
	answers  body // and its fallback
	hasSlot  bool // of the semaphore or the pool
	queued   bool
	inFlight bool

	runEntered, fallbackEntered bool
	runOver                     bool
	deadlinePassed              bool
	returned                    bool // the caller has its result
	over                        bool // as far as the command is concerned

	primary   string // the event that ended the execution; "" while it lasts
	secondary string // what became of the fallback
	canceled  bool

	fallbackPanics bool // in quill
	value          string
	cause          *failure
	fbCause        *failure
}

func (m *model) newCall(cmd string, run, fallback *oracle.Body, label string) *call {
	c := m.commands[cmd]
	return &call{
		command: c, run: run, fallback: fallback, label: label, began: m.now,
		runs: body{command: c}, answers: body{command: c},
	}
}

func (k *call) model() *model { return k.command.model }

// execute brings the call past breaker and semaphore or into the pool.
func (k *call) execute() {
	c, p := k.command, &k.command.props
	switch {
	case !c.breaker.admit(k):
		k.failed("SHORT_CIRCUITED", &failure{code: "shortCircuited"})
		return
	case p.Semaphore && c.permits >= p.MaxConcurrent:
		k.failed("SEMAPHORE_REJECTED", &failure{code: "semaphoreRejected"})
		return
	case p.Semaphore:
		c.permits++
		k.hasSlot = true
	}
	if p.TimeoutEnabled {
		if p.Timeout == 0 { // Java's timer refuses
			k.failed("FAILURE", &failure{code: "IllegalArgumentException:null"})
			return
		}
		k.timer = k.model().at(k.model().now+p.Timeout, k.deadline)
	}
	switch {
	case p.Semaphore:
		k.enter()
	case !c.pool.submit(k):
		k.failed("THREAD_POOL_REJECTED", &failure{code: "poolRejected"})
	}
}

// enter runs the body.
func (k *call) enter() {
	c, m := k.command, k.model()
	k.runEntered, k.inFlight = true, true
	c.did.RunEntered++
	c.inFlight++
	c.peaks = append(c.peaks, peak{m.now, c.inFlight})
	if k.label != "" {
		m.order = append(m.order, k.label)
	}
	m.do(&k.runs, k.run, k.ran)
}

// ran is where the run body has returned.
func (k *call) ran(value string, err *failure) {
	k.runOver = true
	k.command.did.RunFinished++
	switch {
	case k.canceled:
		k.ranForNobody(err)
	case k.primary == "TIMEOUT":
		if !k.command.props.Semaphore {
			k.leave()
		}
		k.giveToCaller()
	case k.deadlinePassed && (err == nil || err.kind != javaError || k.model().does(ErrorCaught)):
		k.failed("TIMEOUT", &failure{code: "timeout"})
	case err == nil:
		k.value = value
		k.settle("SUCCESS")
		k.end()
	case err.kind == badRequest:
		k.cause = err
		k.settle("BAD_REQUEST")
		k.end()
	default:
		k.failed("FAILURE", err)
	}
}

// ranForNobody is ran for a call that was canceled meanwhile.
func (k *call) ranForNobody(err *failure) {
	if err == nil || !k.model().does(CanceledFallsBack) {
		k.leave()
		return
	}
	k.command.breaker.endedOtherwise(k)
	if err.kind == badRequest {
		k.tell("BAD_REQUEST", "EXCEPTION_THROWN")
		k.leave()
		return
	}
	k.cause = err
	k.tell("FAILURE")
	k.fallBack()
}

// deadline is where the timeout comes.
func (k *call) deadline() {
	p := &k.command.props
	if k.primary != "" || k.runOver {
		return
	}
	k.deadlinePassed = true
	waits := p.Semaphore && !k.model().does(SemaphoreDeaf) // for the body to return, whatever it does
	if !waits {
		k.cause = &failure{code: "timeout"}
		k.settle("TIMEOUT")
		k.command.pool.forget(k)
		k.fallBack()
	}
	if k.runEntered && p.InterruptOnTime && (waits || !p.Semaphore) {
		k.runs.interrupt()
	}
}

// cancel is the caller's.
func (k *call) cancel(interrupt bool) {
	k.canceled = true
	k.settle("CANCELLED")
	k.command.pool.forget(k)
	k.end()
	if !interrupt || !k.command.props.InterruptOnCancel || k.command.props.Semaphore {
		return
	}
	if !k.runOver {
		k.runs.interrupt()
	} else if k.primary == "FAILURE" { // whose fallback runs on the pool's thread
		k.answers.interrupt()
	}
}

// settle is where the execution ends, and any fallback begins.
func (k *call) settle(event string) {
	if k.timer != nil {
		k.timer.off = true
	}
	b := &k.command.breaker
	k.tell(event)
	if k.primary != "" {
		return // canceled while its fallback runs
	}
	k.primary = event
	k.late = b.isLate(k)
	holds := k.model().does(FallbackHolds)
	switch event {
	case "SUCCESS":
		b.succeeded(k)
	case "SHORT_CIRCUITED", "SEMAPHORE_REJECTED", "CANCELLED":
		if !holds {
			defer b.endedOtherwise(k)
		} // otherwise the breaker hears of them at the end only
	default:
		defer b.endedOtherwise(k)
	}
	if holds {
		return
	}
	k.land()
	k.count(event)
	b.count(k, k.late)
	if k.runOver {
		k.leave()
	}
}

// land takes the call out of what is in flight.
func (k *call) land() {
	if k.inFlight {
		k.inFlight = false
		k.command.inFlight--
	}
}

// leave gives the permit or the thread back.
func (k *call) leave() {
	switch {
	case !k.hasSlot:
		return
	case k.command.props.Semaphore:
		k.command.permits--
	default:
		defer k.command.pool.leave()
	}
	k.hasSlot = false
}

// failed ends an execution that has no result.
func (k *call) failed(event string, cause *failure) {
	k.cause = cause
	k.settle(event)
	k.fallBack()
}

// fallBack does what comes after an execution without a result.
func (k *call) fallBack() {
	c, m := k.command, k.model()
	stops := k.cause.kind == fatal || (k.cause.kind == javaError && !m.does(ErrorCaught))
	switch {
	case stops && k.primary != "TIMEOUT":
		k.end()
	case !c.props.FallbackEnabled:
		k.tell("FALLBACK_DISABLED")
		k.end()
	case k.fallback == nil && !m.does(UnsupportedIsMissing):
		k.fellBack("FALLBACK_MISSING")
	case c.fallbacks >= c.props.MaxFallbacks: // one that is missing takes a place as well
		k.fellBack("FALLBACK_REJECTION")
	case k.fallback == nil:
		k.fellBack("FALLBACK_MISSING")
	default:
		k.fallbackEntered = true
		c.fallbacks++
		c.did.FallbackEntered++
		m.do(&k.answers, k.fallback, k.answered)
	}
}

// answered is where the fallback body has returned.
func (k *call) answered(value string, err *failure) {
	m := k.model()
	k.command.fallbacks--
	k.fbCause = err
	switch {
	case err == nil:
		k.value = value
		k.fellBack("FALLBACK_SUCCESS")
	case err.kind == javaError && !m.does(ErrorCaught):
		k.cause, k.fallbackPanics = err, true
		k.fellBack("FALLBACK_FAILURE")
	case err.kind == unsupported && m.does(UnsupportedIsMissing):
		k.fellBack("FALLBACK_MISSING")
	default:
		k.fellBack("FALLBACK_FAILURE")
	}
}

// fellBack is where the fallback is over, or there was none.
func (k *call) fellBack(event string) {
	if k.canceled { // for nobody: only its errors are told
		if event != "FALLBACK_SUCCESS" {
			k.tell(event, "EXCEPTION_THROWN")
		}
		if k.primary != "TIMEOUT" {
			k.leave()
		}
		return
	}
	k.secondary = event
	k.tell(event)
	k.end()
}

// end is where the command is over.
func (k *call) end() {
	c := k.command
	if k.over {
		k.leave() // only for nobody
		return
	}
	k.over = true
	k.conclude()
	c.breaker.endedOtherwise(k)
	if c.props.Semaphore || (k.primary != "TIMEOUT" && !k.canceled) {
		k.leave()
	}
	k.giveToCaller()
}

// conclude tells and counts what is left to.
func (k *call) conclude() {
	early := k.primary == "SHORT_CIRCUITED" || k.primary == "SEMAPHORE_REJECTED"
	if k.failedForCaller() && !early && !k.canceled && (!k.panics() || k.fallbackPanics) {
		k.tell("EXCEPTION_THROWN")
	}
	if k.model().does(FallbackHolds) {
		k.land()
		k.count(k.primary)
		if k.canceled && k.primary != "CANCELLED" {
			k.count("CANCELLED")
		}
		k.command.breaker.count(k, k.late)
	}
	if k.secondary != "" {
		k.count(k.secondary)
	}
}

// giveToCaller gives the result to the caller: for a timeout under a semaphore, not before
// the body has returned, on whose thread he waits.
func (k *call) giveToCaller() {
	if k.returned || !k.over || (k.command.props.Semaphore && k.runEntered && !k.runOver && !k.canceled) {
		return
	}
	k.returned, k.returnedAt = true, k.model().now
	if k.then != nil {
		k.then(k)
	}
}

func (k *call) tell(events ...string) { k.command.told = append(k.command.told, events...) }

// throws are the events that the counters add up as EXCEPTION_THROWN.
var throws = []string{"BAD_REQUEST", "FALLBACK_FAILURE", "FALLBACK_MISSING", "FALLBACK_REJECTION"}

func (k *call) count(event string) {
	c := k.command
	c.counted = append(c.counted, counted{k.model().now, event, k})
	if slices.Contains(throws, event) {
		c.counted = append(c.counted, counted{k.model().now, "EXCEPTION_THROWN", k})
	}
}

func (k *call) failedForCaller() bool {
	return k.canceled || (k.primary != "SUCCESS" && k.secondary != "FALLBACK_SUCCESS")
}
