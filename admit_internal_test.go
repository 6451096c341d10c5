package quill

import (
	"context"
	"testing"
	"time"

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
