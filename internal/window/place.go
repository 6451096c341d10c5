package window

import "math/rand/v2"

// pick returns one of n stripes, n being a power of two. Go does not tell on which
// processor a goroutine runs, so it is a random one.
func pick(n int) uint32 {
	return rand.Uint32() & uint32(n-1) //nolint:gosec // neither secret nor negative
}
