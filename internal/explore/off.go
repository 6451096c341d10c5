//go:build !explore

package explore

import "sync"

// On reports whether the scheduler is built in. Most points are called without asking it: what
// an empty function is told costs nothing. Asked it must be where the comments below say so, and
// in a function that would otherwise be too large to be inlined ((*task).abandon, (*workers).put
// and push): an inlined empty call still counts against the compiler's budget.
const On = false

// Read is a point before a read of the shared object of that name. Where there are several
// of them, the rest says whose it is.
func Read(_ string, _ ...any) {}

// Write is a point before a write, or a read and a write in one, of that object.
func Write(_ string, _ ...any) {}

// Put is Write for a write that is blind: the goroutine learns nothing of what the object held.
func Put(_ string, _ ...any) {}

// ReadAt is Read for the ith object of that name.
func ReadAt(_ string, _ int) {}

// WriteAt is Write for the ith object of that name.
func WriteAt(_ string, _ int) {}

// Holding is for a goroutine that has just read the object and will compare it with what it
// read in its next Write to it. A nil func lets go of it: there will be no comparison. Within
// if On only.
func Holding(_ string, _ func() bool) {}

// Lock is a point before the Lock of that mutex: what follows at once must be that call.
func Lock(_ string, _ *sync.Mutex) {}

// Retry is for loops that begin anew: so many of the last points of the goroutine have left no trace
// in it, so the explorer may forget them.
func Retry(_ int) {}

// Receive is a point before a receive from that channel. Within if On only: it is generic, and
// each of its instances would be compiled into the package that calls it.
func Receive[T any](_ string, _ <-chan T, _ ...any) {}

// Select is a point before a select of these channels, each a variable of its own. It
// leaves one that is ready and sets the others to nil. Within if On only: it would keep
// the variables out of registers.
func Select(_ string, _ any, _ ...*<-chan struct{}) {}

// Any is any number below n: each is tried. Within if On only.
func Any(_ string, _ int) int { return 0 }

// Go is the go statement. Within if On only.
func Go(f func()) { go f() }
