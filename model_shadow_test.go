package quill_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// shadowModel is a circuit that refuses nothing, with a candidate, and beside it another one
// that is what the candidate only plays: it has its settings, gets the same calls, and
// refuses. What it did is what the candidate must say that it would have done.
type shadowModel struct {
	candidate quill.Settings
	c         *quill.Circuit
	real      *quill.Circuit
	want      quill.Shadow // its counts
	calls     []*shadowedCall
	born      time.Time
}

// shadowedCall is a call under way: of the circuit, and of the real one unless that refused it.
type shadowedCall struct {
	began  *quill.Call
	guard  *quill.Call
	real   *quill.Circuit
	cancel context.CancelFunc
}

func newShadowModel(t *testing.T, r *rapid.T) *shadowModel {
	m := &shadowModel{c: newTestCircuit(t, quill.PassThrough()), born: time.Now()}
	m.replace(t, r)
	return m
}

func (m *shadowModel) replace(t *testing.T, r *rapid.T) {
	m.candidate = quill.Settings{
		Isolation:              quill.Semaphore,
		Timeout:                rapid.SampledFrom([]time.Duration{quill.NoTimeout, 2999500 * time.Microsecond}).Draw(r, "timeout"), // no call ends just then
		MaxConcurrent:          rapid.SampledFrom([]int{quill.Unlimited, 1, 3}).Draw(r, "places"),
		IgnoreRejected:         rapid.Bool().Draw(r, "rejections say nothing"),
		RollingCalls:           rapid.SampledFrom([]int{0, 0, 4}).Draw(r, "last calls"),
		RequestVolumeThreshold: rapid.IntRange(1, 4).Draw(r, "volume"),
		ErrorPercentThreshold:  rapid.SampledFrom([]float64{20, 50, 100}).Draw(r, "percent"),
		SlowCallDuration:       rapid.SampledFrom([]time.Duration{0, 2 * time.Second}).Draw(r, "slow"),
		SleepWindow:            5 * time.Second, ProbeLease: 7 * time.Second,
		MaxSleepWindow: rapid.SampledFrom([]time.Duration{0, 18 * time.Second}).Draw(r, "longest sleep"),
		Probes:         rapid.IntRange(1, 3).Draw(r, "probes"),
	}
	// A candidate's buckets are cut as those of its circuit are.
	pass((time.Second - time.Since(m.born)%time.Second) % time.Second)
	m.real = newTestCircuit(t, m.candidate)
	require.NoError(r, m.c.SetShadow(m.candidate))
	m.want = quill.Shadow{}
}

func (m *shadowModel) begin(r *rapid.T) {
	ctx, cancel := context.WithCancel(context.Background())
	k := &shadowedCall{real: m.real, cancel: cancel}
	var err error
	k.began, err = m.c.Begin(ctx)
	require.NoError(r, err, "a shadow refuses nothing")
	m.want.Calls++
	k.guard, err = m.real.Begin(ctx)
	switch {
	case errors.Is(err, quill.ErrOpen):
		m.want.ShortCircuited++
	case errors.Is(err, quill.ErrFull):
		m.want.Rejected++
	default:
		require.NoError(r, err)
		_ = k.guard.Context().Done() // work that listens is cut at its deadline, whatever its caller does later
	}
	m.calls = append(m.calls, k)
}

func (m *shadowModel) end(r *rapid.T) {
	if len(m.calls) == 0 {
		r.Skip("no call")
	}
	i := rapid.IntRange(0, len(m.calls)-1).Draw(r, "call")
	k := m.calls[i]
	m.calls = slices.Delete(m.calls, i, i+1)
	var result error
	switch rapid.SampledFrom([]string{"success", "failure", "failure too", "ignored", "canceled", "come later"}).Draw(r, "how") {
	case "failure", "failure too":
		result = errSick
	case "ignored":
		result = quill.Ignore(errMine)
	case "canceled":
		k.cancel()
		result = errSick
	case "come later":
		result = quill.RetryAfter(errSick, 9*time.Second)
	}
	outcome, _ := k.began.End(result)
	if k.guard == nil {
		m.refused(k, outcome)
	} else {
		guarded, _ := k.guard.End(result)
		m.guarded(k, outcome, guarded)
	}
	k.cancel()
	require.Zero(r, m.c.Stats().InFlight-len(m.calls))
}

// refused is a call that the candidate would have refused, and how it ended. One that an
// earlier candidate saw is not this one's.
func (m *shadowModel) refused(k *shadowedCall, o quill.Outcome) {
	switch {
	case k.real != m.real:
	case o == quill.Success:
		m.want.RefusedSucceeded++
	case o == quill.Failure:
		m.want.RefusedFailed++
	}
}

// guarded is a call that ended in one way without the candidate and in another with it.
func (m *shadowModel) guarded(k *shadowedCall, without, with quill.Outcome) {
	if k.real != m.real || with != quill.Timeout {
		return
	}
	m.want.TimedOut++
	if without == quill.Success {
		m.want.TimedOutSucceeded++
	}
}

func (m *shadowModel) check(r *rapid.T) {
	got, ok := m.c.Shadow()
	require.True(r, ok)
	require.Equal(r, m.real.State(), got.State)
	stats := m.real.Stats()
	require.Equal(r, stats.Health, got.Health)
	require.Equal(r, stats.Window, got.Explanation.Window)
	evidence := m.real.Explain()
	require.Len(r, got.Explanation.Transitions, len(evidence.Transitions))
	for i, want := range evidence.Transitions {
		is := got.Explanation.Transitions[i]
		require.Equal(r, want.Reason, is.Reason)
		require.Equal(r, want.Errors, is.Errors)
		require.Equal(r, want.Window, is.Window)
		require.Equal(r, want.NextProbe.Sub(want.At), is.NextProbe.Sub(is.At))
	}
	counts := got
	counts.Since, counts.Settings, counts.State, counts.Health, counts.Explanation =
		time.Time{}, quill.Settings{}, 0, quill.Health{}, quill.Explanation{}
	require.Equal(r, m.want, counts)
	require.Empty(r, m.c.Explain().Transitions, "the circuit itself does nothing")
}

func TestShadowSaysWhatACircuitWithItsSettingsDoes(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, r *rapid.T) {
		m := newShadowModel(t, r)
		defer func() {
			for _, k := range m.calls {
				k.cancel()
			}
		}()
		r.Repeat(map[string]func(*rapid.T){
			"":          m.check,
			"begin":     m.begin,
			"begin too": m.begin,
			"end":       m.end,
			"end too":   m.end,
			"time": func(r *rapid.T) {
				pass(time.Duration(rapid.SampledFrom([]int{1, 500, 1000, 3000, 5000, 11000}).Draw(r, "ms")) * time.Millisecond)
			},
			"replace": func(r *rapid.T) {
				if rapid.IntRange(0, 9).Draw(r, "seldom") == 0 {
					m.replace(t, r)
				}
			},
		})
	})
}
