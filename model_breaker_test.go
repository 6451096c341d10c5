package quill_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// breakerModel is the breaker as its documentation tells it, with lists where the code has
// sums. It is compared with a circuit after each step.
type breakerModel struct {
	s quill.Settings

	state    quill.State
	epoch    int
	until    time.Duration // Open: of the sleep window
	reopened int
	probes   map[int]time.Duration // out, by number: until when
	good     int                   // probes that succeeded
	ignored  int                   // in a row
	number   int                   // of the youngest probe

	override      quill.Override
	overrideUntil time.Duration // 0: for ever

	windowStart time.Duration
	results     []modelResult // evidence since the circuit closed
	total       quill.Counts
	late        uint64
	told        []quill.Transition

	c     *quill.Circuit
	diary diary
	born  time.Time
	calls []*brokenCall
}

type modelResult struct {
	bucket time.Duration
	bad    bool
}

// brokenCall is a call that is under way, and what it was admitted with.
type brokenCall struct {
	*quill.Call

	cancel       context.CancelFunc
	epoch, probe int // 0: of none
}

func newBreakerModel(t *testing.T, r *rapid.T) *breakerModel {
	m := &breakerModel{epoch: 1, born: time.Now(), probes: map[int]time.Duration{}}
	m.s = quill.Settings{
		Timeout: quill.NoTimeout, MaxConcurrent: quill.Unlimited, Isolation: quill.Semaphore,
		RollingWindow: 10 * time.Second, RollingBuckets: 5,
		RequestVolumeThreshold: rapid.IntRange(1, 5).Draw(r, "volume"),
		ErrorPercentThreshold:  rapid.SampledFrom([]float64{20, 50, 67, 100}).Draw(r, "percent"),
		SleepWindow:            5 * time.Second, ProbeLease: 7 * time.Second,
		MaxSleepWindow: rapid.SampledFrom([]time.Duration{0, 5 * time.Second, 18 * time.Second}).Draw(r, "longest sleep"),
		Probes:         rapid.IntRange(1, 3).Draw(r, "probes"),
	}
	m.c = newTestCircuit(t, m.s, m.diary.hooks())
	return m
}

func (m *breakerModel) now() time.Duration { return time.Since(m.born) }

func (m *breakerModel) bucket() time.Duration { return (m.now() - m.windowStart) / (2 * time.Second) }

// move is each change of state.
func (m *breakerModel) move(to quill.State) {
	m.told = append(m.told, quill.Transition{From: m.state, To: to})
	m.state = to
	m.epoch++
	clear(m.probes)
	m.good, m.ignored = 0, 0
	switch to {
	case quill.Closed:
		m.results, m.reopened = nil, 0
	case quill.Open:
		sleep := m.s.SleepWindow
		if m.s.MaxSleepWindow > 0 {
			sleep = min(sleep<<m.reopened, m.s.MaxSleepWindow)
		}
		m.until = m.now() + sleep
	case quill.HalfOpen:
	}
}

func (m *breakerModel) inForce() quill.Override {
	if m.overrideUntil > 0 && m.now() >= m.overrideUntil {
		return quill.NoOverride
	}
	return m.override
}

// look is what a call does as it comes, and one that is judged: an override whose time is
// over is taken away.
func (m *breakerModel) look() {
	if m.override != quill.NoOverride && m.inForce() == quill.NoOverride {
		m.endOverride()
		m.told = append(m.told, quill.Transition{From: m.state, To: m.state})
	}
}

// endOverride takes away an override, with the evidence that nobody judged.
func (m *breakerModel) endOverride() {
	if m.override == quill.Disabled {
		m.results = nil
	}
	m.override, m.overrideUntil = quill.NoOverride, 0
}

// begin asks to be let through.
func (m *breakerModel) begin(r *rapid.T) {
	ctx, cancel := context.WithCancel(context.Background())
	k, err := m.c.Begin(ctx)
	epoch, probe, ok := m.admit()
	if !ok {
		cancel()
		require.ErrorIs(r, err, quill.ErrOpen)
		m.total.ShortCircuited++
		return
	}
	require.NoError(r, err)
	m.calls = append(m.calls, &brokenCall{k, cancel, epoch, probe})
}

func (m *breakerModel) admit() (epoch, probe int, ok bool) {
	switch m.inForce() {
	case quill.ForceOpen:
		return 0, 0, false
	case quill.Disabled:
		return 0, 0, true
	case quill.ForceClosed:
		if m.state == quill.Closed {
			return m.epoch, 0, true
		}
		return 0, 0, true
	case quill.NoOverride:
	}
	m.look()
	if m.state == quill.Open {
		if m.now() < m.until {
			return 0, 0, false
		}
		m.move(quill.HalfOpen)
	}
	if m.state == quill.HalfOpen && m.good >= m.s.Probes {
		m.move(quill.Closed)
	}
	if m.state == quill.Closed {
		return m.epoch, 0, true
	}
	for n, until := range m.probes {
		if m.now() >= until {
			delete(m.probes, n)
		}
	}
	if m.good+len(m.probes) >= m.s.Probes {
		return 0, 0, false
	}
	m.number++
	m.probes[m.number] = m.now() + m.s.ProbeLease
	return m.epoch, m.number, true
}

// end ends a call in one of four ways.
func (m *breakerModel) end(r *rapid.T) {
	if len(m.calls) == 0 {
		r.Skip("no call")
	}
	i := rapid.IntRange(0, len(m.calls)-1).Draw(r, "call")
	k := m.calls[i]
	m.calls = slices.Delete(m.calls, i, i+1)
	switch rapid.SampledFrom([]string{"success", "failure", "failure too", "ignored", "canceled"}).Draw(r, "how") {
	case "success":
		_, _ = k.End(nil)
		m.total.Success++
		m.result(k, func() { m.probeSucceeded() }, false)
	case "ignored":
		_, _ = k.End(quill.Ignore(errMine))
		m.total.Ignored++
		m.nothing(k, func() {
			if m.ignored++; m.ignored == 10 {
				m.move(quill.Closed)
			}
		})
	case "canceled":
		k.cancel()
		_, _ = k.End(errSick)
		m.total.Canceled++
		m.nothing(k, func() {})
	default:
		_, _ = k.End(errSick)
		m.total.Failure++
		m.result(k, func() {
			m.reopened++
			m.move(quill.Open)
		}, true)
	}
	k.cancel()
}

// ours takes back a probe's place. It reports false if the call belongs to the past.
func (m *breakerModel) ours(k *brokenCall) bool {
	if k.epoch != m.epoch {
		return k.epoch == 0
	}
	if k.probe == 0 {
		return true
	}
	until, out := m.probes[k.probe]
	delete(m.probes, k.probe)
	return out && m.now() < until
}

func (m *breakerModel) nothing(k *brokenCall, ofProbe func()) {
	if k.probe != 0 {
		m.look()
	}
	switch ours := m.ours(k); {
	case k.probe == 0:
	case !ours:
		m.late++
	case m.inForce() != quill.Disabled:
		ofProbe()
	}
}

// result is evidence, of a probe or of a call in a closed circuit.
func (m *breakerModel) result(k *brokenCall, ofProbe func(), bad bool) {
	m.look()
	if !m.ours(k) {
		m.late++
		return
	}
	evidence := modelResult{m.bucket(), bad}
	if k.probe != 0 && m.inForce() == quill.Disabled { // nobody judges
		m.results = append(m.results, evidence)
		return
	}
	if k.probe != 0 {
		m.ignored = 0
		if bad {
			m.results = append(m.results, evidence)
			ofProbe()
		} else {
			ofProbe()
			m.results = append(m.results, evidence)
		}
		return
	}
	m.results = append(m.results, evidence)
	if k.epoch == 0 || m.state != quill.Closed || m.inForce() == quill.Disabled {
		return
	}
	if requests, errs := m.health(); requests >= m.s.RequestVolumeThreshold && errs > 0 &&
		float64(errs)*100 >= m.s.ErrorPercentThreshold*float64(requests) {
		m.move(quill.Open)
	}
}

func (m *breakerModel) probeSucceeded() {
	if m.good++; m.good >= m.s.Probes {
		m.move(quill.Closed)
	}
}

// health counts the results of the last five buckets.
func (m *breakerModel) health() (requests, errs int) {
	for _, e := range m.results {
		if e.bucket > m.bucket()-5 {
			requests++
			if e.bad {
				errs++
			}
		}
	}
	return requests, errs
}

func (m *breakerModel) sleep(r *rapid.T) {
	pass(rapid.SampledFrom([]time.Duration{
		1, time.Second, 2 * time.Second, 5 * time.Second, 7*time.Second - 1, 10 * time.Second,
	}).Draw(r, "for"))
}

func (m *breakerModel) reset(*rapid.T) {
	m.c.Reset()
	m.move(quill.Closed)
	m.windowStart = m.now()
}

func (m *breakerModel) force(r *rapid.T) {
	o := rapid.SampledFrom([]quill.Override{
		quill.NoOverride, quill.ForceOpen, quill.ForceClosed, quill.Disabled,
	}).Draw(r, "override")
	ttl := rapid.SampledFrom([]time.Duration{0, 3 * time.Second}).Draw(r, "ttl")
	require.NoError(r, m.c.Override(o, ttl, "a test"))
	if o == quill.NoOverride && m.override == quill.NoOverride {
		return
	}
	if o != quill.Disabled {
		m.endOverride()
	}
	m.override, m.overrideUntil = o, 0
	if ttl > 0 && o != quill.NoOverride {
		m.overrideUntil = m.now() + ttl
	}
	m.told = append(m.told, quill.Transition{From: m.state, To: m.state})
}

func (m *breakerModel) configure(r *rapid.T) {
	m.s.RequestVolumeThreshold = rapid.IntRange(1, 5).Draw(r, "volume")
	m.s.ErrorPercentThreshold = rapid.SampledFrom([]float64{20, 50, 67, 100}).Draw(r, "percent")
	m.s.Probes = rapid.IntRange(1, 3).Draw(r, "probes")
	require.NoError(r, m.c.Configure(m.s))
}

// check compares model and circuit. It reads twice: reading moves nothing.
func (m *breakerModel) check(r *rapid.T) {
	synctest.Wait()
	_ = m.c.Stats()
	s := m.c.Stats()
	requests, errs := m.health()
	require.Equal(r, m.state, s.State)
	require.Equal(r, m.total, s.Total)
	require.Equal(r, uint64(requests), s.Health.Requests, "requests")
	require.Equal(r, uint64(errs), s.Health.Errors, "errors")
	require.Equal(r, m.late, s.LateResults, "late")
	require.Equal(r, m.inForce(), s.Override)
	var left time.Duration
	if m.state == quill.Open {
		left = max(0, m.until-m.now())
	}
	require.Equal(r, left, s.RetryAfter, "of the sleep window is left")
	out := 0
	for _, until := range m.probes {
		if m.now() < until {
			out++
		}
	}
	require.Equal(r, out, s.Probes, "probes out")
	require.Len(r, m.diary.transitions, len(m.told))
	for i, e := range m.diary.transitions {
		require.Equal(r, m.told[i].From, e.From)
		require.Equal(r, m.told[i].To, e.To)
	}
}

// The breaker of a circuit is what the model is: volume and rates over the window, sleep
// windows that grow, probes with leases, generations, resets, overrides, thresholds that
// change (C1 to C9, one call after another).
func TestC01BreakerAgreesWithItsModel(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, r *rapid.T) {
		m := newBreakerModel(t, r)
		defer func() {
			for _, k := range m.calls {
				_, _ = k.End(nil)
				k.cancel()
			}
		}()
		r.Repeat(map[string]func(*rapid.T){
			"":            m.check,
			"begin":       m.begin,
			"begin too":   m.begin,
			"end":         m.end,
			"end too":     m.end,
			"end as well": m.end,
			"sleep":       m.sleep,
			"reset":       m.reset,
			"override":    m.force,
			"configure":   m.configure,
		})
	})
}
