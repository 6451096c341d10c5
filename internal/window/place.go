package window

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Place returns one of n stripes, mostly the same one for the same goroutine, so that the stripe
// is still in its processor's cache. Go reveals neither processor nor goroutine, but each
// goroutine has a stack of its own, of at least 2 KiB, on which a variable lies that does not
// escape. Its address is hashed so that neighboring stacks get stripes far apart. Two busy goroutines
// may have one stripe all the same: see [Reseat].
//
// Why unsafe is safe here: the address is turned into a number and never back. It may be out of
// date (stacks move, and are reused by other goroutines), which does no harm: every stripe is
// correct. Nothing is read or written through it, and nothing escapes because of it.
// What it earns is in docs/performance.md: a random number takes longer and finds a stripe
// that another processor wrote last.
func Place(n int) int {
	var here byte
	const smallestStack = 11                                                                  // 2^11 bytes
	hash := uint32(uintptr(unsafe.Pointer(&here))>>smallestStack) * (golden ^ seating.Load()) //nolint:gosec // see above
	return int(uint64(hash) * uint64(n) >> 32)                                                //nolint:gosec // less than n
}

const golden = 0x9e3779b9 // 2^32 by the golden ratio

// seating is an even number: together with golden it makes the odd one that addresses are
// multiplied with. Each call reads it where stripes are many, so it has its line for itself.
var seating struct {
	_ [64]byte
	atomic.Uint32
	_ [64]byte
}

// reseated is when Reseat last changed it.
var reseated atomic.Int64

// mayReseat is how soon after another time goroutines may be given other stripes again: about as
// long as Go lets one of them run. Where more are busy than there are stripes, some always meet.
const mayReseat = 10 * time.Millisecond

// Reseat gives all goroutines other stripes, unless it did so just now. The time is that since the
// process began.
func Reseat(now time.Duration) {
	was := reseated.Load()
	if now-time.Duration(was) >= mayReseat && reseated.CompareAndSwap(was, int64(now)) {
		seating.Store((golden^seating.Load())*golden ^ golden)
	}
}
