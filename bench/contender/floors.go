package contender

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// Names of floors that targets are measured against. While a timer is set, whoever's it is and
// however far off, Go's scheduler reads the clock at each switch: so what switches is measured
// twice, in a process that has no timer and among the others, whose timers are set.
const (
	Direct       = "direct call"
	TwoReads     = "two clock reads (time.Since)"
	TwoNows      = "two clock reads (time.Now)"
	AtomicAdd    = "atomic add"
	Least        = "two clock reads, 32 bytes, three atomic operations"
	SpawnBare    = "goroutine and channel, no timer in the process"
	Spawn        = "goroutine and channel, timers in the process"
	HandOffBare  = "hand-off and back, no timer in the process"
	HandOff      = "hand-off and back, timers in the process"
	HandOffLeast = "hand-off and back, 32 bytes, timers in the process"
	HandOffKept  = "hand-off, a timer that stands by, two clock reads"
	WithTimeout  = "context.WithTimeout + cancel"
)

// floors do the work with nothing but one of the means that protection is made of.
func floors() []Contender {
	return []Contender{
		{Name: Direct, Offers: "nothing", Make: only(func(s Setup) Call {
			return func(ctx context.Context, req int) (int, error) { return orElse(s.Work(ctx, req)) }
		}, Success, MayCancel, Failure, Waits, Deep)},
		{Name: TwoReads, Offers: "nothing", Make: only(twoReads, Success, Open)},
		{Name: TwoNows, Offers: "nothing", Make: only(twoNows, Success, Open)},
		{Name: AtomicAdd, Offers: "nothing", Make: only(atomicAdd, Success)},
		{Name: Least, Offers: "the least that a limit, a latency and a context with a deadline need", Make: only(least, Success)},
		{Name: SpawnBare, Own: true, Offers: "run on another goroutine", Make: only(spawn, Success, Async)},
		{Name: Spawn, Offers: "run on another goroutine", Make: timed(only(spawn, Success, Failure, Waits, Async, Deep))},
		{Name: HandOffBare, Own: true, Offers: "run on another goroutine", Make: handOff(false, Success)},
		{Name: HandOff, Offers: "run on another goroutine", Make: timed(handOff(false, Success, Failure, Waits, Deep))},
		{Name: HandOffLeast, Offers: "the least for run's context on another goroutine", Make: timed(handOff(true, Success))},
		{Name: HandOffKept, Offers: "the least that a caller with a deadline and a latency needs", Make: timed(handOffKept)},
		{Name: WithTimeout, Offers: "timeout", Make: only(withTimeout, Success, MayCancel, Waits, TimesOut)},
	}
}

// only makes a contender for some cases.
func only(ready func(s Setup) Call, cases ...Case) func(s Setup) (Call, func()) {
	return func(s Setup) (Call, func()) {
		if !slices.Contains(cases, s.Case) {
			return nil, nil
		}
		return ready(s), nil
	}
}

// timed sets a timer that never fires for as long as a contender is there.
func timed(ready func(s Setup) (Call, func())) func(s Setup) (Call, func()) {
	return func(s Setup) (Call, func()) {
		call, free := ready(s)
		if call == nil {
			return nil, nil
		}
		timer := time.AfterFunc(time.Hour, func() {})
		return call, func() {
			timer.Stop()
			if free != nil {
				free()
			}
		}
	}
}

func twoReads(s Setup) Call {
	born := time.Now()
	if s.Case == Open { // nothing is called there
		return func(context.Context, int) (int, error) {
			if time.Since(born) > time.Since(born)+time.Hour {
				return 0, ErrWork
			}
			return FallbackAnswer, nil
		}
	}
	return func(ctx context.Context, req int) (int, error) {
		began := time.Since(born)
		v, err := s.Work(ctx, req)
		if time.Since(born) < began {
			return 0, ErrWork
		}
		return orElse(v, err)
	}
}

func twoNows(s Setup) Call {
	if s.Case == Open {
		return func(context.Context, int) (int, error) {
			if now := time.Now(); time.Now().Before(now) {
				return 0, ErrWork
			}
			return FallbackAnswer, nil
		}
	}
	return func(ctx context.Context, req int) (int, error) {
		began := time.Now()
		v, err := s.Work(ctx, req)
		if time.Now().Before(began) {
			return 0, ErrWork
		}
		return orElse(v, err)
	}
}

func atomicAdd(s Setup) Call {
	n := new(atomic.Int64)
	return func(ctx context.Context, req int) (int, error) {
		n.Add(1)
		return orElse(s.Work(ctx, req))
	}
}

// leastContext is what run gets that may keep it: the caller's context, a deadline, and whether
// the call is over.
type leastContext struct {
	context.Context //nolint:containedctx // as every context of a context

	deadline time.Duration
	_        uint64
}

// least is what any protection with a limit, a timeout and latencies is made of that runs work
// on the caller's goroutine: a slot is taken and given back, the time is counted, the work has
// a context of its own. It decides nothing, and each caller has a cache line to himself.
func least(s Setup) Call {
	type line struct {
		slots, times atomic.Int64
		_            [48]byte
	}
	born, timeout, lines := time.Now(), s.timeout(), make([]line, s.Callers)
	return func(ctx context.Context, req int) (int, error) {
		l, began := &lines[req], time.Since(born)
		l.slots.Add(1)
		own := &leastContext{Context: ctx, deadline: began + timeout}
		v, err := s.Work(own, req)
		ended := time.Since(born)
		l.times.Add(int64(ended - began))
		l.slots.Add(-1)
		if ended >= own.deadline {
			return 0, ErrWork
		}
		return orElse(v, err)
	}
}

type result struct {
	v   int
	err error
}

func spawn(s Setup) Call {
	return func(ctx context.Context, req int) (int, error) {
		done := make(chan result, 1)
		go func() {
			v, err := s.Work(ctx, req)
			done <- result{v, err}
		}()
		r := <-done
		return orElse(r.v, r.err)
	}
}

// handOff has a goroutine parked for each caller: less than that, to be called on another
// goroutine, cannot cost. With own, the work has a context of its own, of 32 bytes, as whatever
// has a deadline must.
func handOff(own bool, cases ...Case) func(s Setup) (Call, func()) {
	return func(s Setup) (Call, func()) {
		if !slices.Contains(cases, s.Case) {
			return nil, nil
		}
		pairs, free := parked(s)
		timeout := s.timeout()
		return func(ctx context.Context, req int) (int, error) {
			if own {
				ctx = &leastContext{Context: ctx, deadline: timeout}
			}
			p := &pairs[req]
			p.there <- ctx
			r := <-p.back
			return orElse(r.v, r.err)
		}, free
	}
}

// pair is how a caller and its goroutine reach each other.
type pair struct {
	there chan context.Context
	back  chan result
}

// parked starts a goroutine for each caller.
func parked(s Setup) (pairs []pair, free func()) {
	pairs = make([]pair, s.Callers)
	for i := range pairs {
		p := pair{make(chan context.Context, 1), make(chan result, 1)}
		pairs[i] = p
		go func() {
			for ctx := range p.there {
				v, err := s.Work(ctx, i)
				p.back <- result{v, err}
			}
		}()
	}
	return pairs, func() {
		for _, p := range pairs {
			close(p.there)
		}
	}
}

// handOffKept is what any pool with a timeout and latencies is made of. The timer is not
// touched: that it stands by costs.
func handOffKept(s Setup) (Call, func()) {
	call, free := handOff(false, Success)(s)
	if call == nil {
		return nil, nil
	}
	born, longest := time.Now(), new(atomic.Int64)
	return func(ctx context.Context, req int) (int, error) {
		began := time.Since(born)
		v, err := call(ctx, req)
		if took := time.Since(born) - began; took > time.Hour {
			longest.Store(int64(took))
		}
		return v, err
	}, free
}

func withTimeout(s Setup) Call {
	return func(ctx context.Context, req int) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, s.timeout())
		defer cancel()
		return orElse(s.Work(ctx, req))
	}
}
