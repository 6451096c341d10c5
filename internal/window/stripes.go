package window

import (
	"math/bits"
	"runtime"
)

const (
	stripesPerProc = 4 // with fewer, more seats that differ are one: see [Seat]

	// fewestStripes is over how many stripes all is spread that has the memory for it, however many
	// processors there are: a histogram has no more blocks. (A bulkhead of few slots has fewer.)
	fewestStripes = maxBlocks
)

// Stripes returns over how many stripes to spread: four for each processor that Go may use,
// rounded up to a power of two, and not more than limit, itself a power of two.
func Stripes(limit int) int {
	n := stripesPerProc * runtime.GOMAXPROCS(0)
	return min(1<<bits.Len(uint(n-1)), limit)
}
