package window

import "unsafe"

// Place returns one of n stripes, mostly the same one for the same goroutine, so that it finds
// its stripe where it left it: in the cache of its processor. Go tells neither processor nor
// goroutine, but each goroutine has a stack of its own, of at least 2 KiB, and a variable that
// does not escape lies on it. The address is hashed so that neighbors come to lie far apart.
//
// Why unsafe is safe here: the address is made a number, and never an address again. So it
// may be of another time (stacks move) or of another goroutine (stacks are used again), and is
// right all the same: any stripe is. Nothing is read or written by it, nothing escapes for it.
// What it earns is in docs/performance.md: a random number takes longer and finds a stripe
// that another processor wrote last.
func Place(n int) int {
	var here byte
	const smallestStack, golden = 11, 0x9e3779b9                           // 2^11 bytes; 2^32 by the golden ratio
	hash := uint32(uintptr(unsafe.Pointer(&here))>>smallestStack) * golden //nolint:gosec // see above
	return int(uint64(hash) * uint64(n) >> 32)                             //nolint:gosec // less than n
}
