package hystrix

import (
	"strconv"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

const never = -1

// breaker is a command's circuit breaker.
//
// A call is of the epoch that admitted it; each change of the status begins a new one.
// Hystrix knows no epochs: they are for what quill does without [LateCounts].
type breaker struct {
	command *command
	status  status
	opened  int // when; never if it is closed
	epoch   int
	probe   *call // that holds the place of the half-open circuit
	lease   int   // when quill gives its place away
	ignored int   // bad requests among the probes, in a row

	records  []record      // of the health's window
	snapshot oracle.Health // as of the last look
}

type status string

const (
	closed   status = "CLOSED"
	open     status = "OPEN"
	halfOpen status = "HALF_OPEN"
)

// record is one result in the health.
type record struct {
	at    int
	isErr bool
}

func (b *breaker) enter(s status, opened int) {
	b.status, b.opened, b.probe, b.ignored = s, opened, nil, 0
	b.epoch++
	if s == closed {
		b.records, b.snapshot = nil, oracle.Health{}
	}
}

// admit asks for a call to be let through.
func (b *breaker) admit(k *call) bool {
	p := &b.command.props
	k.epoch = noEpoch
	switch {
	case !p.BreakerEnabled:
		return true
	case p.ForceOpen:
		return false
	case p.ForceClosed:
		if b.status == closed {
			k.epoch = b.epoch
		}
		return true
	case b.status == open && b.sleepIsOver():
		b.enter(halfOpen, b.opened)
	case b.status == open, b.status == halfOpen && b.taken():
		return false
	}
	if b.status == halfOpen {
		b.probe, k.probe, b.lease = k, true, b.command.model.now+p.lease()
	}
	k.epoch = b.epoch
	return true
}

// noEpoch is the epoch of a call that passed the breaker by.
const noEpoch = -1

func (b *breaker) sleepIsOver() bool {
	return b.command.model.now > b.opened+b.command.props.Sleep
}

// taken reports whether the one place of the half-open circuit is.
func (b *breaker) taken() bool { return b.probe != nil && !b.leaseOver() }

// leaseOver reports whether the probe has been out for too long. In Hystrix none is: where
// one hangs, the refusal of another call makes room for a further probe.
func (b *breaker) leaseOver() bool {
	return !b.command.model.does(RefusalReopens) && b.command.model.now >= b.lease
}

// lease is how long quill waits for a probe.
func (p *CommandProps) lease() int {
	if !p.TimeoutEnabled {
		return p.Sleep
	}
	return max(p.Sleep, p.Timeout+min(p.Timeout, 100))
}

// isLate reports whether the result of a call comes after the circuit has moved on.
func (b *breaker) isLate(k *call) bool {
	return k.epoch != noEpoch && (k.epoch != b.epoch || (k.probe && (b.probe != k || b.leaseOver())))
}

// succeeded is told of each success.
func (b *breaker) succeeded(k *call) {
	if b.forget(k) {
		return
	}
	if b.status == halfOpen && (b.probe == k || b.command.model.does(LateCounts)) {
		b.enter(closed, never)
	}
}

// forget frees the place of a probe whose lease is over.
func (b *breaker) forget(k *call) bool {
	if b.probe != k || !b.leaseOver() {
		return false
	}
	b.probe, k.gaveBack = nil, true
	return true
}

// endedOtherwise is told of each error, and of the end of every call.
func (b *breaker) endedOtherwise(k *call) {
	m := b.command.model
	switch {
	case b.status != halfOpen, b.forget(k):
	case b.probe == k:
		b.probeEnded(k)
	case k.primary == "SHORT_CIRCUITED":
		if m.does(RefusalReopens) {
			b.enter(open, m.now)
		}
	case !k.gaveBack && m.does(LateCounts):
		b.enter(open, m.now)
	}
}

// probeEnded is endedOtherwise for the probe.
func (b *breaker) probeEnded(k *call) {
	asked := k.runEntered && (k.primary == "FAILURE" || k.primary == "TIMEOUT")
	if asked || b.command.model.does(ProbeSpent) {
		b.enter(open, b.command.model.now)
		return
	}
	b.probe, k.gaveBack = nil, true
	switch {
	case k.primary != "BAD_REQUEST":
	case b.ignored == 9: // quill closes after the tenth
		b.enter(closed, never)
	default:
		b.ignored++
	}
}

// count takes the outcome of a call into the health.
func (b *breaker) count(k *call, late bool) {
	m := b.command.model
	switch k.primary {
	case "SUCCESS", "FAILURE", "TIMEOUT", "THREAD_POOL_REJECTED", "SEMAPHORE_REJECTED":
	default:
		return
	}
	if late && !m.does(LateCounts) {
		return
	}
	b.records = append(b.records, record{m.now, k.primary != "SUCCESS"})
	if !m.does(TimerMoves) && k.epoch != noEpoch && !late {
		b.judge(b.sum(m.now-b.command.props.Window, m.now))
	}
}

// tick looks at the health, as a timer of Hystrix's does.
func (b *breaker) tick() {
	p, now := &b.command.props, b.command.model.now
	b.snapshot = b.sum(now-p.Window/p.Snapshot*p.Snapshot, now)
	if b.command.model.does(TimerMoves) && p.BreakerEnabled {
		b.judge(b.snapshot)
	}
}

// judge opens a closed circuit if its health is bad.
func (b *breaker) judge(h oracle.Health) {
	p, m := &b.command.props, b.command.model
	bad := h.Total >= p.Volume && h.ErrorPercentage >= p.ErrorPct
	if h.Errors == 0 && !m.does(ZeroIsZero) {
		bad = false
	}
	if bad && b.status == closed && p.BreakerEnabled {
		b.enter(open, m.now)
	}
}

// sum adds the results up that came after one time and not after another.
func (b *breaker) sum(after, until int) oracle.Health {
	var h oracle.Health
	for _, r := range b.records {
		if after < r.at && r.at <= until {
			h.Total++
			if r.isErr {
				h.Errors++
			}
		}
	}
	if h.Total > 0 {
		h.ErrorPercentage = h.Errors * 100 / h.Total
	}
	return h
}

func (b *breaker) health() oracle.Health {
	m := b.command.model
	if m.does(TimerMoves) {
		return b.snapshot
	}
	return b.sum(m.now-b.command.props.Window, m.now)
}

// put adds the state to what is observed.
func (b *breaker) put(o oracle.Observation) {
	p := &b.command.props
	if !p.BreakerEnabled {
		forced := p.ForceOpen && b.command.model.does(DisabledReportsForce)
		o["status"], o["open"], o["allowsRequest"] = "NONE", strconv.FormatBool(forced), "true"
		return
	}
	isOpen := p.ForceOpen || (!p.ForceClosed && b.status != closed)
	allows := !isOpen
	if !p.ForceOpen && !p.ForceClosed {
		allows = b.status == closed || (b.status == open && b.sleepIsOver()) || (b.status == halfOpen && !b.taken())
	}
	o["status"], o["open"], o["allowsRequest"] = string(b.status), strconv.FormatBool(isOpen), strconv.FormatBool(allows)
}
