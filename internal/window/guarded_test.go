package window_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

func TestAGuardedEventCountsOnlyIfNobodyCameBetween(t *testing.T) {
	var c window.Counters
	look := func() uint64 {
		seen, open := c.Look()
		require.True(t, open)
		return seen
	}
	for name, between := range map[string]func(){
		"another counts":     func() { require.True(t, c.AddIf(look())) },
		"one under the lock": func() { c.Shut(); c.AddSerially(window.Guarded); c.Open() },
		"it is shut":         c.Shut,
		"it was shut":        func() { c.Shut(); c.Open() },
	} {
		seen := look()
		between()
		before := c.Total(window.Guarded)
		require.False(t, c.AddIf(seen), name)
		require.Equal(t, before, c.Total(window.Guarded), name)
		if _, open := c.Look(); !open {
			c.Open()
		}
		require.True(t, c.AddIf(look()), name)
		require.Equal(t, before+1, c.Total(window.Guarded), name)
	}
}

func TestHowOftenTheGuardedKindWasShutIsNoPartOfItsCount(t *testing.T) {
	var c window.Counters
	for n := range uint64(100) {
		require.Equal(t, n, c.Total(window.Guarded))
		require.Equal(t, window.Sums{window.Guarded: n, 0: n}, c.Sums())
		c.Shut()
		_, open := c.Look()
		require.False(t, open)
		require.Equal(t, n, c.Total(window.Guarded), "while it is shut, too")
		c.AddSerially(window.Guarded)
		c.Open()
		c.Add(0, window.NoSeat)
	}
}
