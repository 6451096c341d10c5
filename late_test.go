package quill_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// A success that comes late is no evidence either: not of the window that began meanwhile,
// and not for closing.
func TestC07ALateSuccessIsNoEvidence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Timeout: quill.NoTimeout})
		call, err := c.Begin(t.Context())
		require.NoError(t, err)
		another, err := c.Begin(t.Context())
		require.NoError(t, err)

		openUp(t, c)
		_, err = another.End(nil)
		require.NoError(t, err)
		require.Equal(t, quill.Open, c.State())
		require.EqualValues(t, 1, c.Stats().LateResults)

		c.Reset()
		_, err = call.End(nil)
		require.NoError(t, err)
		pass(time.Second)
		s := c.Stats()
		require.Zero(t, s.Health, "of the new window")
		require.EqualValues(t, 2, s.LateResults)
		require.EqualValues(t, 1, s.Window.Success, "which the statistics have all the same")
	})
}
