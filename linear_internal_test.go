package quill

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// history records what concurrent callers did and saw, with moments that are counted, not
// measured: an operation ended before another began if and only if its numbers say so.
type history struct {
	moment atomic.Int64
	mu     sync.Mutex
	all    []porcupine.Operation
}

// do makes one operation and writes it down. A client may be taken off its processor when
// its operation has begun, or before it has ended, and is helped to be: on a machine with
// little to spare operations so short would else seldom meet.
func (h *history) do(client int, random *rand.Rand, input any, f func() any) any {
	op := porcupine.Operation{ClientId: client, Input: input, Call: h.moment.Add(1)}
	if random.IntN(3) == 0 {
		runtime.Gosched()
	}
	op.Output = f()
	if random.IntN(3) == 0 {
		runtime.Gosched()
	}
	op.Return = h.moment.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, op)
	return op.Output
}

// overlapping is how many operations met another.
func (h *history) overlapping() (n int) {
	for _, a := range h.all {
		if slices.ContainsFunc(h.all, func(b porcupine.Operation) bool { return a.Call != b.Call && meets(a, b) }) {
			n++
		}
	}
	return n
}

func meets(a, b porcupine.Operation) bool { return a.Call < b.Return && b.Call < a.Return }

// record lets some clients loose at once and returns what they did.
func record(clients int, client func(id int, h *history, random *rand.Rand)) *history {
	var h history
	var wg sync.WaitGroup
	var ready atomic.Int32
	for id := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(rand.Uint64(), uint64(id)))
			for ready.Add(1); int(ready.Load()) < clients; {
				runtime.Gosched()
			}
			client(id, &h, random)
		})
	}
	wg.Wait()
	return &h
}

// requireLinearizable records some hundred histories and asks whether each can be explained
// by a sequence. It says how many operations met another, and fails if too few did for the
// answer to mean anything.
func requireLinearizable(
	t *testing.T, model porcupine.Model, rounds, clients int, client func() func(id int, h *history, random *rand.Rand),
) {
	t.Helper()
	operations, overlapping := 0, 0
	for range rounds {
		h := record(clients, client())
		operations += len(h.all)
		overlapping += h.overlapping()
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(model, h.all, 20*time.Second), "no sequence explains %v", h.all)
	}
	share := 100 * float64(overlapping) / float64(operations)
	t.Logf("%d histories, %d operations, %.1f %% of them overlapped", rounds, operations, share)
	require.GreaterOrEqual(t, share, 5.0, "per cent of the operations overlapped")
}

// semaphoreOp takes a slot, gives one back, or, if it is above 0, sets the limit.
type semaphoreOp int

const (
	acquires semaphoreOp = 0
	releases semaphoreOp = -1
)

// semaphore is what the operations on a bulkhead without a queue must look like: as if they
// came one after the other.
func semaphore(limit int) porcupine.Model {
	type state struct{ taken, limit int }
	return porcupine.Model{
		Init: func() any { return state{0, limit} },
		Step: func(now, input, output any) (bool, any) {
			s, op := now.(state), input.(semaphoreOp)
			switch {
			case op == releases:
				s.taken--
				return true, s
			case op > 0:
				s.limit = int(op)
				return true, s
			case s.taken < s.limit:
				s.taken++
				return output == true, s
			}
			return output == false, s
		},
	}
}

// semaphoreClient takes and gives back. The first of some resizes, too, and one that lends
// makes the bulkhead lend what is free, at moments of its own.
func semaphoreClient(b *Bulkhead, lends bool) func(int, *history, *rand.Rand) {
	return func(id int, h *history, random *rand.Rand) {
		for range 8 {
			if lends && random.IntN(3) == 0 {
				b.slots.lendNow(2)
			}
			if lends && id == 0 && random.IntN(4) == 0 {
				limit := 1 + random.IntN(3)
				h.do(id, random, semaphoreOp(limit), func() any { b.resize(Settings{Isolation: Semaphore, MaxConcurrent: limit}); return nil })
			}
			got := h.do(id, random, acquires, func() any { _, ok := b.acquire(); return ok })
			if got == true {
				h.do(id, random, releases, func() any { b.release(); return nil })
			}
		}
	}
}

// lendNow lends up to so many slots, however many are taken.
func (s *slots) lendNow(most uint64) {
	s.lock()
	defer s.mu.Unlock()
	s.lendLocked(func(uint64) uint64 { return most })
}

func TestA01SemaphoreIsLinearizable(t *testing.T) {
	const limit = 2
	for name, lends := range map[string]bool{"whole": false, "lent": true} {
		t.Run(name, func(t *testing.T) {
			requireLinearizable(t, semaphore(limit), 300, 4, func() func(int, *history, *rand.Rand) {
				return semaphoreClient(newBulkhead("dep", Settings{Isolation: Semaphore, MaxConcurrent: limit}), lends)
			})
		})
	}
}

// breakerOp is one question to the gate of a circuit, or one result.
type breakerOp struct {
	now     time.Duration
	settles bool
	looks   bool
	token   token // of a result
	outcome Outcome
}

// breakerSaw is what came of it.
type breakerSaw struct {
	token token
	ok    bool
	late  bool
	state State
}

// breakerSequence is the breaker as a sequence of operations moves it: the machine, and the
// two sums that it judges.
type breakerSequence struct {
	breaker

	requests, errs uint64
}

func (s *breakerSequence) moved(c change) {
	if c.why != unmoved && c.to == Closed {
		s.requests, s.errs = 0, 0
	}
}

func (s *breakerSequence) count(o Outcome) {
	if o == Success || o == Failure {
		s.requests++
	}
	if o == Failure {
		s.errs++
	}
}

func (s *breakerSequence) apply(op breakerOp, r *rules) (saw breakerSaw) {
	switch {
	case op.looks:
		return breakerSaw{state: s.state}
	case !op.settles:
		var c change
		saw.token, c, saw.ok = s.admit(op.now, r)
		s.moved(c)
	case op.token.probe != 0:
		c, counts := s.settleProbe(op.now, r, op.token, classOf(op.outcome, false), 0, 0)
		s.moved(c)
		if counts {
			s.count(op.outcome)
		}
		saw.late = !counts
	case op.outcome == Success || op.outcome == Failure:
		if saw.late = op.token.epoch != s.epoch; saw.late {
			return saw
		}
		s.count(op.outcome)
		s.moved(s.judge(op.now, r, tally{requests: s.requests, errors: s.errs}, 0, 0))
	}
	return saw
}

// sequential is the model that porcupine tries orders with.
func sequential(r *rules) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return breakerSequence{breaker: newBreaker()} },
		Step: func(state, input, output any) (bool, any) {
			s, op, saw := state.(breakerSequence), input.(breakerOp), output.(breakerSaw)
			s.probes = slices.Clone(s.probes)
			want := s.apply(op, r)
			if op.outcome == Success && op.token.probe == 0 {
				want.late = saw.late // one that meets the change of state may be told either way
			}
			return want == saw, s
		},
		Equal:             reflect.DeepEqual,
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
	}
}

// gateClient asks a circuit's gate and settles what it was admitted to, on a clock that the
// clients move.
func gateClient(c *Circuit, clock *atomic.Int64, ends []Outcome) func(int, *history, *rand.Rand) {
	return func(id int, h *history, random *rand.Rand) {
		for range 6 {
			if random.IntN(3) == 0 {
				clock.Add(int64(time.Second))
			}
			now := time.Duration(clock.Load())
			saw := h.do(id, random, breakerOp{now: now}, func() any {
				a := c.admit(now, c.config.Load())
				return breakerSaw{token: a.token, ok: a.ok}
			}).(breakerSaw)
			if random.IntN(8) == 0 {
				h.do(id, random, breakerOp{looks: true}, func() any { return breakerSaw{state: c.State()} })
			}
			if !saw.ok {
				continue
			}
			o := ends[random.IntN(len(ends))]
			now = time.Duration(clock.Load())
			h.do(id, random, breakerOp{now: now, settles: true, token: saw.token, outcome: o}, func() any {
				var err error
				if o == Failure {
					err = errors.New("sick")
				}
				c.advanceWindow(now)
				return breakerSaw{late: c.judge(now, saw.token, o, true, false, err)}
			})
		}
	}
}

// linearized are the circuits whose histories are checked.
var linearized = map[string]linearizedCase{
	// Where one error opens, it does not matter which successes it saw.
	"any error opens": {1, 1, []Outcome{Success, Failure, Canceled, Ignored}},
	// Where it matters, all results are errors, which are counted under the lock; how
	// successes mix with errors is explored in every schedule.
	"three errors open": {3, 50, []Outcome{Failure, Failure, Canceled}},
}

type linearizedCase struct {
	volume  int
	percent float64
	ends    []Outcome
}

func (l linearizedCase) settings() Settings {
	return Settings{
		RequestVolumeThreshold: l.volume, ErrorPercentThreshold: l.percent, Timeout: NoTimeout,
		SleepWindow: 2 * time.Second, ProbeLease: 3 * time.Second, RollingWindow: time.Hour, RollingBuckets: 1,
	}
}

func TestC01BreakerIsLinearizable(t *testing.T) {
	for name, test := range linearized {
		t.Run(name, func(t *testing.T) {
			r := newCircuit("dep", &options{settings: test.settings()}).config.Load().rules
			requireLinearizable(t, sequential(&r), 200, 3, func() func(int, *history, *rand.Rand) {
				return gateClient(newCircuit("dep", &options{settings: test.settings()}), new(atomic.Int64), test.ends)
			})
		})
	}
}
