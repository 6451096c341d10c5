package quill_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestATransitionKeepsItsEvidence(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 4, SleepWindow: 7 * time.Second})
		require.NoError(t, callFor(c, 300*time.Millisecond, nil))
		_ = callFor(c, 20*time.Millisecond, errSpare)
		_ = callFor(c, 10*time.Millisecond, errSick)
		opened := time.Now().Add(40 * time.Millisecond)
		_ = callFor(c, 40*time.Millisecond, errSick)

		e := c.Explain()
		require.Len(t, e.Transitions, 1)
		got := e.Transitions[0]
		require.Equal(t, quill.Closed, got.From)
		require.Equal(t, quill.Open, got.To)
		require.Equal(t, opened, got.At)
		require.Equal(t, opened.Add(7*time.Second), got.NextProbe)
		require.Equal(t, quill.Counts{Success: 1, Failure: 3}, got.Window)
		require.Equal(t, quill.Health{Requests: 4, Errors: 3, ErrorPercent: 75}, got.Health)
		require.Equal(t, "opens when at least 50 % of the calls of the last 10s failed, once there were at least 4", got.Rule)
		require.Equal(t, c.Stats().Settings, got.Settings)
		require.Equal(t, []quill.ErrorSample{
			{Text: errSick.Error(), Count: 2, Last: opened},
			{Text: errSpare.Error(), Count: 1, Last: opened.Add(-50 * time.Millisecond)},
		}, got.Errors)
		require.Equal(t, []time.Duration{
			300 * time.Millisecond, 40 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond,
		}, durationsOf(got.Slowest))
		require.Equal(t, quill.Success, got.Slowest[0].Outcome)
		require.Equal(t, quill.Failure, got.Slowest[1].Outcome)
		require.Equal(t, opened, got.Slowest[1].At)
	})
}

func TestExplanationSaysWhereTheCircuitStands(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		e := c.Explain()
		require.Equal(t, "dep is closed", e.Line())
		require.Zero(t, e.Since)
		require.Zero(t, e.NextProbe)

		openUp(t, c)
		pass(2 * time.Second)
		e = c.Explain()
		require.Equal(t, time.Now(), e.At)
		require.Equal(t, e.At.Add(-2*time.Second), e.Since)
		require.Equal(t, e.At.Add(3*time.Second), e.NextProbe)
		require.Equal(t, "dep has been open for 2s, the next probe may go in 3s; "+
			"opened for 5s: 20 of 20 calls failed (100 %, threshold 50 %) in the last 10s", e.Line())
		require.Contains(t, e.String(), "  judged: 20 of 20 calls failed (100 %); in the window: 20 failure\n")
		require.Contains(t, e.String(), "  it opens when at least 50 % of the calls")
		require.Contains(t, e.String(), "error, at least 16 times, last 2s ago: "+errSick.Error())
		require.Contains(t, e.String(), "slowest: 0s (failure), 0s (failure), 0s (failure)")

		pass(3 * time.Second)
		require.Contains(t, c.Explain().Line(), "the next call is a probe")
		require.NoError(t, c.Override(quill.ForceOpen, time.Minute, "maintenance"))
		require.Contains(t, c.Explain().Line(), ", forced-open for 1m0s more: maintenance; opened for")
		require.NoError(t, c.Override(quill.ForceOpen, 0, "for good"))
		require.Contains(t, c.Explain().Line(), ", forced-open: for good; opened for")
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		require.NoError(t, call(t, c, nil))
		e = c.Explain()
		require.Equal(t, "dep has been closed for 0s; closed: 1 probe succeeded", e.Line())
		require.Empty(t, e.Errors, "they were evidence for what is over")
	})
}

func TestARefusalCarriesTheReasonInOneLine(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		openUp(t, c)
		const why = "opened for 5s: 20 of 20 calls failed (100 %, threshold 50 %) in the last 10s"
		require.Equal(t, why, asError(t, call(t, c, nil)).Detail)
		pass(5 * time.Second)
		probe, err := c.Begin(t.Context())
		require.NoError(t, err)
		half := asError(t, call(t, c, nil))
		require.Equal(t, "half-open: the sleep window of 5s is over, 1 probe may go", half.Detail)
		_, _ = probe.End(errSick)
		require.Equal(t, `opened again for 5s: a probe failed: "`+errSick.Error()+`"`, asError(t, call(t, c, nil)).Detail)
	})
}

func TestExplanationKeepsTheLastDistinctErrorsOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1000})
		for i := range 12 {
			_ = call(t, c, fmt.Errorf("error %d", i))
			pass(time.Millisecond)
		}
		_ = call(t, c, errors.New("error 7"))
		errs := c.Explain().Errors
		require.Len(t, errs, 8)
		require.Equal(t, quill.ErrorSample{Text: "error 7", Count: 2, Last: time.Now()}, errs[0])
		require.Equal(t, "error 11", errs[1].Text)
		require.Equal(t, "error 4", errs[7].Text)
		pass(11 * time.Second)
		require.Empty(t, c.Explain().Errors, "they have left the window")
	})
}

func TestOfManyErrorsOnlySomeAreLookedAt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		asked := 0
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 10_000}, quill.WithRedact(func(error) string {
			asked++
			return "told"
		}))
		calls(t, c, 1000, errSick)
		require.Equal(t, 16, asked)
		pass(10 * time.Millisecond)
		calls(t, c, 1000, errSick)
		require.Equal(t, 17, asked)
		pass(time.Second)
		calls(t, c, 1000, errSick)
		require.Equal(t, 33, asked, "the first of the next bucket")
		require.Equal(t, uint64(33), c.Explain().Errors[0].Count)
	})
}

func TestErrorsAreRedacted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		redact := func(err error) string {
			if errors.Is(err, errMine) {
				panic("cannot")
			}
			return strings.ReplaceAll(err.Error(), "hunter2", "***") + "\nsecond line" + strings.Repeat("x", 300)
		}
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1000}, quill.WithRedact(redact))
		_ = call(t, c, errors.New("password hunter2"))
		_ = call(t, c, errMine)
		errs := c.Explain().Errors
		require.Equal(t, "an error whose redaction panicked", errs[0].Text)
		require.Contains(t, errs[1].Text, "password ***")
		require.NotContains(t, errs[1].Text, "\n")
		require.Less(t, len(errs[1].Text), 220)
		require.NotContains(t, c.Explain().String(), "hunter2")
	})
}

func TestTimeoutsAndRejectionsAreEvidenceToo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, MaxConcurrent: 1, Timeout: time.Second})
		held, err := c.Begin(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, call(t, c, nil), quill.ErrFull)
		pass(time.Second)
		_, _ = held.End(nil)
		e := c.Explain()
		require.Equal(t, []string{"timeout", "bulkhead full"}, []string{e.Errors[0].Text, e.Errors[1].Text})
		require.Equal(t, quill.Timeout, e.Slowest[0].Outcome)
		require.Len(t, e.Slowest, 1, "a rejected call did not run")
	})
}

func TestTheSlowestCallsAreThoseOfTheWindow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		calls(t, c, 2, nil)
		require.Len(t, c.Explain().Slowest, 2, "also calls that took no time")
		pass(11 * time.Second)
		for _, d := range []int{50, 10, 40, 20, 60, 30, 70, 5} {
			require.NoError(t, callFor(c, time.Duration(d)*time.Millisecond, nil))
		}
		ms := time.Millisecond
		require.Equal(t, []time.Duration{70 * ms, 60 * ms, 50 * ms, 40 * ms, 30 * ms}, durationsOf(c.Explain().Slowest))
		pass(11 * time.Second)
		require.Empty(t, c.Explain().Slowest)
		require.NoError(t, callFor(c, 2*ms, nil))
		require.NoError(t, callFor(c, ms, nil))
		require.Equal(t, []time.Duration{2 * ms, ms}, durationsOf(c.Explain().Slowest), "the bar fell with those that left")

		pass(11 * time.Second)
		calls(t, c, 2, nil)
		require.Len(t, c.Explain().Slowest, 2, "and lets in calls that take no time")
		began := time.Now()
		for range 6 {
			require.NoError(t, callFor(c, 10*ms, nil))
		}
		require.Equal(t, began.Add(50*ms), c.Explain().Slowest[0].At, "of equals the earliest stay, the latest of them first")
	})
}

func TestASlowCallIsKeptForAWholeWindow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RollingWindow: 10 * time.Second, Timeout: quill.NoTimeout})
		pass(time.Hour)
		require.NoError(t, callFor(c, time.Second, nil))
		for range 10 { // a bucket each
			pass(time.Second)
			require.Contains(t, durationsOf(c.Explain().Slowest), time.Second)
			require.NoError(t, call(t, c, nil))
			require.Contains(t, durationsOf(c.Explain().Slowest), time.Second)
		}
		pass(1)
		require.NotContains(t, durationsOf(c.Explain().Slowest), time.Second, "it ended longer ago than that")
	})
}

func TestOnlyTheLastTransitionsAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		for range 20 {
			openUp(t, c)
			pass(5 * time.Second)
			require.NoError(t, call(t, c, nil))
		}
		all := c.Explain().Transitions
		require.Len(t, all, 32)
		require.Equal(t, "closed: 1 probe succeeded", all[31].Reason)
		for i := range 31 {
			require.False(t, all[i+1].At.Before(all[i].At))
		}
		all[0].Reason = "mine"
		require.NotEqual(t, "mine", c.Explain().Transitions[0].Reason, "an explanation is the caller's own")
	})
}

func TestExplanationAsJSON(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		openUp(t, c)
		require.NoError(t, c.Override(quill.ForceClosed, time.Minute, "busy day"))
		_ = callFor(c, 30*time.Millisecond, nil)
		data, err := json.Marshal(c.Explain())
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, "open", got["state"])
		require.Equal(t, "forced-closed", got["override"])
		require.Equal(t, "59.97s", got["overrideLeft"])
		require.Equal(t, c.Explain().Line(), got["line"])
		require.Equal(t, "30ms", got["slowest"].([]any)[0].(map[string]any)["duration"])
		first := got["transitions"].([]any)[0].(map[string]any)
		require.Equal(t, "closed", first["from"])
		require.Equal(t, 20.0, first["health"].(map[string]any)["errors"])
		require.Equal(t, "10s", first["settings"].(map[string]any)["rollingWindow"])
		require.NotContains(t, first, "overrideLeft")
		data, err = json.Marshal(newTestCircuit(t, quill.Settings{}).Explain())
		require.NoError(t, err)
		require.NotContains(t, string(data), "0001-01-01", "what is not known is left out")
	})
}

func TestExplainMovesNothingAndRacesWithNothing(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, SleepWindow: time.Millisecond}, quill.WithShadow(quill.Settings{}))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 500 {
				var err error
				if (n+i)%2 == 0 {
					err = fmt.Errorf("error %d", n%10)
				}
				_ = call(t, c, err)
				_ = c.Explain().String()
				_, _ = c.Shadow()
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, len(c.Explain().Errors), 8)
	require.Equal(t, uint64(2000), c.Stats().Total.Total())
}

// callFor makes one call whose run takes d and returns err.
func callFor(c *quill.Circuit, d time.Duration, err error) error {
	_, got := quill.Do(context.Background(), c, func(context.Context) (int, error) {
		pass(d)
		return 0, err
	})
	return got
}

func durationsOf(calls []quill.SlowCall) []time.Duration {
	all := make([]time.Duration, len(calls))
	for i, s := range calls {
		all[i] = s.Duration
	}
	return all
}

// A bulkhead that is too small opens the circuit of a dependency that is well. Who reads why must not
// look for the fault there.
func TestAnOpeningTellsHowManyCallsTheBulkheadRejected(t *testing.T) {
	const threshold = "(100 %, threshold 50 %) in the last "
	for want, s := range map[string]quill.Settings{
		"opened for 5s: 20 of 20 calls failed, 19 of them rejected by the bulkhead " + threshold + "10s":      {},
		"opened for 5s: 20 of 20 calls failed, 19 of them rejected by the bulkhead " + threshold + "30 calls": {RollingCalls: 30},
		"opened for 5s: 1 of 1 calls failed " + threshold + "10s":                                             {IgnoreRejected: true, RequestVolumeThreshold: 1},
	} {
		bubble(t, want, func(t *testing.T) {
			s.Isolation, s.MaxConcurrent = quill.Semaphore, 1
			c := newTestCircuit(t, s)
			_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) {
				for range 19 {
					require.ErrorIs(t, call(t, c, nil), quill.ErrFull)
				}
				return 0, errSick
			})
			require.ErrorIs(t, err, errSick)
			e := c.Explain()
			require.Contains(t, e.Line(), want)
			require.Equal(t, e.Health, c.Stats().Health)
			if !s.IgnoreRejected {
				require.EqualValues(t, 19, e.Health.Rejected)
				require.Contains(t, e.String(), "judged: 20 of 20 calls failed, 19 of them rejected by the bulkhead (100 %); ")
			}
		})
	}
}
