package quill

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A closed circuit lets calls pass, and an open one refuses them, whoever holds its lock.
// (The deadline of the sleep window stands beside the state, and is that of this opening.)
func TestClosedAndOpenCircuitsTakeNoLock(t *testing.T) {
	c := newCircuit("dep", gather([]Option{Settings{RequestVolumeThreshold: 1, SleepWindow: time.Millisecond, Isolation: Semaphore}}))
	admitted := func() admission {
		c.gate.mu.Lock()
		defer c.gate.mu.Unlock()
		answer := make(chan admission, 1)
		go func() { answer <- c.admit(c.now(), c.config.Load()) }()
		select {
		case a := <-answer:
			return a
		case <-time.After(10 * time.Second):
			t.Error("the call waits for the lock")
			return admission{}
		}
	}
	fail := func() {
		_, _ = Do(t.Context(), c, func(context.Context) (int, error) { return 0, ErrUnwound })
	}
	require.True(t, admitted().ok)

	fail()
	require.Equal(t, Open, c.State())
	c.Reset()
	require.True(t, admitted().ok)

	require.NoError(t, c.Configure(Settings{RequestVolumeThreshold: 1, SleepWindow: time.Hour, Isolation: Semaphore}))
	fail()
	require.Equal(t, c.gate.machine.openUntil, time.Duration(c.gate.openUntil.Load()), "or each call would take it")
	a := admitted()
	require.False(t, a.ok)
	require.Equal(t, Open, a.state)
	require.InDelta(t, time.Hour, a.retryAfter, float64(time.Minute))
}

// Nor does one that is overridden for good, by an operator or by its settings, and none of its results
// that say nothing new.
func TestCircuitsOverriddenForGoodTakeNoLock(t *testing.T) {
	broken := errors.New("broken")
	for _, o := range []Override{ForceOpen, ForceClosed, Disabled} {
		for _, open := range []bool{false, true} {
			for _, bySettings := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, open %t, by settings %t", o, open, bySettings), func(t *testing.T) {
					s := Settings{
						Isolation: Semaphore, SleepWindow: time.Hour, ErrorPercentThreshold: 50,
						RollingWindow: time.Hour, RollingBuckets: 1, // who begins a bucket takes the lock
					}
					c := newCircuit("dep", gather([]Option{s}))
					do := func(err error) (Answer[int], error) {
						return Bind(c, func(context.Context, int) (int, error) { return 7, err }).Answer(t.Context(), 1)
					}
					for c.State() == Closed && open {
						_, _ = do(broken)
					}
					if bySettings {
						s.Override = o
						require.NoError(t, c.Configure(s))
					} else {
						require.NoError(t, c.Override(o, 0, "a drill"))
					}
					for range 30 { // below the volume successes are judged under the lock
						_, _ = do(nil)
					}
					before, state := c.Stats().Total, c.State()

					over := make(chan struct{})
					c.gate.mu.Lock()
					go func() {
						defer close(over)
						for _, result := range []error{nil, broken, nil} {
							a, err := do(result)
							if o == ForceOpen {
								assert.ErrorIs(t, err, ErrOpen)
								assert.Equal(t, ShortCircuited, a.Outcome)
							} else {
								assert.Equal(t, result, err)
							}
						}
					}()
					select {
					case <-over:
					case <-time.After(10 * time.Second):
						t.Error("a call waits for the lock")
					}
					c.gate.mu.Unlock()
					<-over
					total := c.Stats().Total
					if o == ForceOpen {
						require.EqualValues(t, 3, total.ShortCircuited-before.ShortCircuited)
						v, err := Bind(c, func(context.Context, int) (int, error) { return 0, broken }).OrElse(7).Do(t.Context(), 1)
						require.NoError(t, err)
						require.Equal(t, 7, v)
						require.EqualValues(t, 1, c.counters.Total(kindAnsweredOpen), "the short way, as through an open circuit")
					} else {
						require.EqualValues(t, 2, total.Success-before.Success)
						require.EqualValues(t, 1, total.Failure-before.Failure)
					}
					require.Equal(t, state, c.State())
				})
			}
		}
	}
}

// A caller's deadline is read by the circuit's own clock, which begins with the circuit and not
// with the process.
func TestADeadlineIsReadByTheClockOfItsCircuit(t *testing.T) {
	c := newCircuit("dep", gather(nil))
	for _, born := range []time.Duration{-time.Hour, 0, time.Hour} {
		c.born = born
		before := c.now()
		at := c.timeOf(time.Now())
		require.GreaterOrEqual(t, at, before)
		require.LessOrEqual(t, at, c.now())
	}
	const decade = 10 * 365 * 24 * time.Hour // beyond the year 2157 a Time has no monotonic part
	c.born = 0
	require.Equal(t, 10*decade, c.timeOf(time.Now().Add(11*decade)), "far off")
	require.Equal(t, -10*decade, c.timeOf(time.Now().Add(-11*decade)), "long ago")
}
