package quill

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyASemaphoreLendsItsSlots(t *testing.T) {
	b := newBulkhead("dep", Settings{Isolation: Semaphore}.WithDefaults())
	require.True(t, b.slots.mayLend)
	b.resize(Settings{Isolation: Pool}.WithDefaults())
	require.False(t, b.slots.mayLend)
	b.resize(Settings{Isolation: Semaphore}.WithDefaults())
	require.True(t, b.slots.mayLend)
	require.False(t, newBulkhead("dep", Settings{Isolation: Pool}.WithDefaults()).slots.mayLend)
}
