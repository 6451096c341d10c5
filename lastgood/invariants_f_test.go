package lastgood

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestF02TwoDifferentInputsNeverShareAKey: tenant, principal and arguments of any content,
// digits and colons above all, which are what a length prefix is made of.
func TestF02TwoDifferentInputsNeverShareAKey(t *testing.T) {
	part := rapid.OneOf(rapid.StringMatching(`[0-9:a]{0,6}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(part, 0, 4).Draw(t, "a")
		b := rapid.SliceOfN(part, 0, 4).Draw(t, "b")
		require.Equal(t, fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b), Key(a...) == Key(b...))
	})
}

// TestF03SizeIsBoundedAndTheHeapStaysFlat: a hundred times as many requests as there is
// room for.
func TestF03SizeIsBoundedAndTheHeapStaysFlat(t *testing.T) {
	s := New[int, [256]byte](Settings{MaxEntries: 1000})
	fill := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			require.NoError(t, s.Save(t.Context(), i, [256]byte{}))
			if i%97 == 0 {
				require.LessOrEqual(t, s.Len(), 1000)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := fill(0, 10_000)
	last := fill(10_000, 100_000)
	require.Less(t, last, first+2<<20, "the heap grew from %d to %d bytes", first, last)
	require.LessOrEqual(t, s.Len(), 1000)
	runtime.KeepAlive(s)
}
