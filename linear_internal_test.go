package quill

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// history records what concurrent callers did and saw, with moments that are counted, not
// measured: an operation ended before another began if and only if its numbers say so.
type history struct {
	moment atomic.Int64
	came   atomic.Int64
	mu     sync.Mutex
	all    []porcupine.Operation
}

// do makes one operation and writes it down. Nothing stands between the operation and the
// moments in which it is said to begin and to end: what overlaps met within operations.
func (h *history) do(client int, input any, f func() any) any {
	h.meet()
	op := porcupine.Operation{ClientId: client, Input: input, Call: h.moment.Add(1)}
	op.Output = f()
	op.Return = h.moment.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, op)
	return op.Output
}

// meet waits, but not for long, until another is about to begin an operation, too: operations
// of some hundred nanoseconds each would else seldom meet on real processors.
func (h *history) meet() {
	if explore.On {
		return
	}
	mine := h.came.Add(1)
	for range 20_000 {
		if h.came.Load() >= mine+mine%2 {
			return
		}
	}
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
func record(clients int, seed, number uint64, client func(id int, h *history, random *rand.Rand)) *history {
	var h history
	var wg sync.WaitGroup
	var ready atomic.Int32
	for id := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, number*16+uint64(id)))
			for ready.Add(1); int(ready.Load()) < clients; {
				runtime.Gosched()
			}
			client(id, &h, random)
		})
	}
	wg.Wait()
	return &h
}

// drawSeed returns the seed of a test that draws lots: QUILL_SEED, set in the environment,
// repeats those of an earlier run.
func drawSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(rand.Uint32())
	if text := os.Getenv("QUILL_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("seed %d", seed)
	return seed
}

// requireLinearizable records some hundred histories on real processors and asks whether each
// can be explained by a sequence. It says how many operations met another, which is up to the
// machine: a single processor lets none meet. That enough of them do is asked of schedules
// that are drawn: see TestC01BreakerIsLinearizableInSampledSchedules.
func requireLinearizable(
	t *testing.T, model porcupine.Model, rounds, clients int, client func() func(id int, h *history, random *rand.Rand),
) {
	t.Helper()
	seed := drawSeed(t)
	operations, overlapping := 0, 0
	for n := range rounds {
		h := record(clients, seed, uint64(n), client())
		operations += len(h.all)
		overlapping += h.overlapping()
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(model, h.all, 20*time.Second), "no sequence explains %v", h.all)
	}
	t.Logf("%d histories on %d processors, %d operations, of which %.1f %% overlapped",
		rounds, runtime.GOMAXPROCS(0), operations, 100*float64(overlapping)/float64(operations))
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
		seat := func() uint32 { return 1 + random.Uint32N(8) }
		for range 8 {
			if lends && random.IntN(3) == 0 {
				b.slots.lendNow(2)
			}
			if lends && id == 0 && random.IntN(4) == 0 {
				limit := 1 + random.IntN(3)
				h.do(id, semaphoreOp(limit), func() any { b.resize(Settings{Isolation: Semaphore, MaxConcurrent: limit}); return nil })
			}
			got := h.do(id, acquires, func() any { _, ok := b.acquire(seat()); return ok })
			if got == true {
				h.do(id, releases, func() any { b.release(seat()); return nil })
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

// sequential is the model that porcupine tries orders with.
func sequential(l linearizedCase) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return newBreakerSequence(l) },
		Step: func(state, input, output any) (bool, any) {
			op, saw := input.(breakerOp), output.(breakerSaw)
			s, want := state.(breakerSequence).after(op)
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
		look := func() {
			if random.IntN(8) == 0 {
				h.do(id, breakerOp{looks: true}, func() any { return breakerSaw{state: c.State()} })
			}
		}
		for range 6 {
			if random.IntN(3) == 0 {
				clock.Add(int64(time.Second))
			}
			now := time.Duration(clock.Load())
			saw := h.do(id, breakerOp{now: now}, func() any {
				a := c.admit(now, c.config.Load())
				return breakerSaw{token: a.token, ok: a.ok}
			}).(breakerSaw)
			look()
			if !saw.ok {
				continue
			}
			o := ends[random.IntN(len(ends))]
			now = time.Duration(clock.Load())
			h.do(id, breakerOp{now: now, settles: true, token: saw.token, outcome: o}, func() any {
				var err error
				if o == Failure {
					err = errors.New("sick")
				}
				c.advanceWindow(now)
				return breakerSaw{late: c.judge(now, saw.token, o, true, false, err, window.NoSeat)}
			})
			look()
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

// The times of all of them.
const sequenceSleep, sequenceLease = 2 * time.Second, 3 * time.Second

type linearizedCase struct {
	volume  int
	percent float64
	ends    []Outcome
}

func (l linearizedCase) settings() Settings {
	return Settings{
		RequestVolumeThreshold: l.volume, ErrorPercentThreshold: l.percent, Timeout: NoTimeout,
		Probes: 1, SleepWindow: sequenceSleep, ProbeLease: sequenceLease, RollingWindow: time.Hour, RollingBuckets: 1,
	}
}

func TestC01BreakerIsLinearizable(t *testing.T) {
	for name, test := range linearized {
		t.Run(name, func(t *testing.T) {
			requireLinearizable(t, sequential(test), 200, 3, func() func(int, *history, *rand.Rand) {
				return gateClient(newCircuit("dep", &options{settings: test.settings()}), new(atomic.Int64), test.ends)
			})
		})
	}
}
