package quill_test

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// How the run of a modeled call ends.
const (
	runReturns = iota
	runFails
	runPanics
	runExits
)

const modelTimeout = time.Hour

// modelCall is a call as the model sees it.
type modelCall struct {
	id       int
	began    time.Duration
	canceled bool
	left     bool // its caller has gone
	cancel   context.CancelFunc
	end      chan int
}

// bulkheadModel is the simplest thing that is a bulkhead: a set, a queue and two numbers. It
// is compared with a circuit after each step.
type bulkheadModel struct {
	pooled       bool
	limit, queue int
	held         map[int]*modelCall // with a slot
	waiting      []*modelCall       // in their order
	total        quill.Counts
	started      []int // ids, sorted

	t     *testing.T
	c     *quill.Circuit
	calls int
	born  time.Time
	wg    sync.WaitGroup

	over chan struct{}

	mu  sync.Mutex
	ran []int // what really started
}

func newBulkheadModel(t *testing.T, r *rapid.T) *bulkheadModel {
	isolation := rapid.SampledFrom(isolations).Draw(r, "isolation")
	m := &bulkheadModel{
		t: t, born: time.Now(), over: make(chan struct{}), held: map[int]*modelCall{}, pooled: isolation == quill.Pool,
		limit: rapid.IntRange(1, 3).Draw(r, "limit"), queue: rapid.IntRange(0, 3).Draw(r, "queue"),
	}
	m.c = newTestCircuit(t, quill.Settings{
		Isolation: isolation, Timeout: modelTimeout, MaxConcurrent: m.limit, QueueSize: m.queue,
		RequestVolumeThreshold: 1_000_000,
	})
	return m
}

func (m *bulkheadModel) now() time.Duration { return time.Since(m.born) }

// arrive starts a call: it gets a slot, a place, or neither.
func (m *bulkheadModel) arrive(*rapid.T) {
	ctx, cancel := context.WithCancel(m.t.Context())
	k := &modelCall{id: m.calls, began: m.now(), cancel: cancel, end: make(chan int, 1)}
	m.calls++
	m.wg.Go(func() {
		defer func() { _ = recover() }()
		_, _ = quill.Do(ctx, m.c, func(context.Context) (int, error) {
			m.mu.Lock()
			m.ran = append(m.ran, k.id)
			m.mu.Unlock()
			how := runReturns
			select {
			case how = <-k.end:
			case <-m.over:
			}
			switch how {
			case runFails:
				return 0, errSick
			case runPanics:
				bang()
			case runExits:
				runtime.Goexit()
			}
			return 0, nil
		})
	})
	switch {
	case len(m.held) < m.limit && len(m.waiting) == 0:
		m.start(k)
	case len(m.waiting) < m.queue:
		m.waiting = append(m.waiting, k)
	default:
		m.total.Rejected++
	}
}

func (m *bulkheadModel) start(k *modelCall) {
	m.held[k.id] = k
	m.started = append(m.started, k.id)
}

// admit gives free slots to those who wait, first come, first served.
func (m *bulkheadModel) admit() {
	for len(m.held) < m.limit && len(m.waiting) > 0 {
		m.start(m.waiting[0])
		m.waiting = m.waiting[1:]
	}
}

// pick draws one of the calls that hold a slot.
func (m *bulkheadModel) pick(r *rapid.T) *modelCall {
	if len(m.held) == 0 {
		r.Skip("nobody runs")
	}
	return m.held[rapid.SampledFrom(slices.Sorted(maps.Keys(m.held))).Draw(r, "call")]
}

// finish ends the run of one call.
func (m *bulkheadModel) finish(r *rapid.T) {
	k := m.pick(r)
	m.end(k, rapid.IntRange(runReturns, runExits).Draw(r, "how"))
	m.admit()
}

func (m *bulkheadModel) end(k *modelCall, how int) {
	k.end <- how
	delete(m.held, k.id)
	late := m.now() >= k.began+modelTimeout
	switch {
	case k.left: // has its outcome
	case how == runPanics || how == runExits:
		m.total.Failure++
	case late && !k.canceled:
		m.total.Timeout++
	case how == runReturns && !late:
		m.total.Success++
	case k.canceled:
		m.total.Canceled++
	default:
		m.total.Failure++
	}
}

// cancelRunning cancels the context of a call whose run takes no notice.
func (m *bulkheadModel) cancelRunning(r *rapid.T) {
	k := m.pick(r)
	k.cancel()
	if m.pooled && !k.left {
		k.left = true
		m.total.Canceled++
	}
	k.canceled = true // also after its deadline: where no timer runs, nobody can tell which was first
}

func (m *bulkheadModel) cancelWaiting(r *rapid.T) {
	if len(m.waiting) == 0 {
		r.Skip("nobody waits")
	}
	i := rapid.IntRange(0, len(m.waiting)-1).Draw(r, "waiter")
	m.waiting[i].cancel()
	m.waiting = slices.Delete(m.waiting, i, i+1)
	m.total.Canceled++
}

func (m *bulkheadModel) resize(r *rapid.T) {
	m.limit = rapid.IntRange(1, 4).Draw(r, "limit")
	m.queue = rapid.IntRange(0, 4).Draw(r, "queue")
	require.NoError(r, m.c.Bulkhead().Resize(m.limit, m.queue))
	m.admit()
}

// sleep lets time pass: who waits or runs for too long is left behind.
func (m *bulkheadModel) sleep(r *rapid.T) {
	pass(time.Duration(rapid.IntRange(1, 4).Draw(r, "quarters")) * modelTimeout / 4)
	late := func(k *modelCall) bool { return m.now() >= k.began+modelTimeout }
	m.waiting = slices.DeleteFunc(m.waiting, func(k *modelCall) bool {
		if late(k) {
			m.total.Timeout++
		}
		return late(k)
	})
	for _, k := range m.held {
		if m.pooled && !k.left && late(k) {
			k.left = true
			m.total.Timeout++
		}
	}
}

// drain ends all calls.
func (m *bulkheadModel) drain() {
	for len(m.held) > 0 || len(m.waiting) > 0 {
		for _, k := range m.held {
			m.end(k, runReturns)
		}
		m.admit()
	}
	m.wg.Wait()
}

// check compares model and circuit at rest.
func (m *bulkheadModel) check(r *rapid.T) {
	synctest.Wait()
	abandoned := 0
	for _, k := range m.held {
		if k.left {
			abandoned++
		}
	}
	s := m.c.Stats()
	require.Equal(r, len(m.held), s.InFlight, "in flight")
	require.Equal(r, len(m.waiting), s.Queued, "queued")
	require.Equal(r, abandoned, s.Abandoned, "abandoned")
	require.Equal(r, m.total, s.Total)
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.Sort(m.ran)
	slices.Sort(m.started)
	require.Equal(r, m.started, m.ran, "who was given a slot")
}

// A bulkhead, alone and as a pool, is what the model is: limits at every moment, the queue
// in order, resizing with calls inside, waiters that leave, work that is left behind,
// workers that panic or exit (A1 to A4, A6 to A8).
func TestA02BulkheadAgreesWithItsModel(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, r *rapid.T) {
		m := newBulkheadModel(t, r)
		defer m.wg.Wait()
		defer close(m.over)
		r.Repeat(map[string]func(*rapid.T){
			"":               m.check,
			"arrive":         m.arrive,
			"arrive too":     m.arrive,
			"finish":         m.finish,
			"cancel running": m.cancelRunning,
			"cancel waiting": m.cancelWaiting,
			"resize":         m.resize,
			"sleep":          m.sleep,
		})
		m.drain()
		m.check(r)
		requireNothingHeld(t, m.c)
	})
}
