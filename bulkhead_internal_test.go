package quill

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyASemaphoreLendsItsSlots(t *testing.T) {
	b := newBulkhead("dep", Settings{Isolation: Semaphore}.WithDefaults())
	require.False(t, b.slots.whole)
	b.resize(Settings{Isolation: Pool}.WithDefaults())
	require.True(t, b.slots.whole)
	b.resize(Settings{Isolation: Semaphore}.WithDefaults())
	require.False(t, b.slots.whole)
	require.True(t, newBulkhead("dep", Settings{Isolation: Pool}.WithDefaults()).slots.whole)
}
