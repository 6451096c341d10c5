package quill

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// A success that counted itself while the circuit was being watched weighs the window, unless
// the circuit has moved on, or was disabled, since it was admitted.
func TestASuccessWeighsTheWindowOfItsOwnEpochOnly(t *testing.T) {
	watched := func() *Circuit {
		c := newCircuit("dep", gather([]Option{Settings{RequestVolumeThreshold: 100, Isolation: Semaphore}}))
		for range 3 {
			_, _ = Do(t.Context(), c, func(context.Context) (int, error) { return 0, errors.New("sick") })
		}
		require.NoError(t, c.Configure(Settings{RequestVolumeThreshold: 3, Isolation: Semaphore}))
		require.Equal(t, Closed, c.State())
		return c
	}
	c := watched()
	c.evaluate(c.now(), token{epoch: c.gate.machine.epoch + 1})
	require.Equal(t, Closed, c.State())

	require.NoError(t, c.Override(Disabled, 0, ""))
	c.evaluate(c.now(), token{epoch: c.gate.machine.epoch})
	require.NoError(t, c.Override(NoOverride, 0, ""))
	require.Equal(t, Closed, c.State())

	c = watched()
	c.evaluate(c.now(), token{epoch: c.gate.machine.epoch})
	require.Equal(t, Open, c.State())
}

// SpreadCounters spreads the counters of c over as many stripes as so many processors bring about.
func (c *Circuit) SpreadCounters(processors int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	c.counters.Spread()
}
