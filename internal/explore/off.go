//go:build !explore

package explore

import "sync"

// On reports whether the scheduler is built in.
const On = false

// Read is a point before a read of the shared object of that name. Where there are several
// of them, of says whose it is.
func Read(object string, of ...any) {}

// Write is a point before a write, or a read and a write in one, of that object.
func Write(object string, of ...any) {}

// Lock is a point before mu.Lock: what follows at once must be that call.
func Lock(object string, mu *sync.Mutex) {}

// Retry is for loops that begin anew: the last n points of the goroutine have left no trace
// in it, so the explorer may forget them.
func Retry(n int) {}

// Receive is a point before a receive from ch.
func Receive[T any](object string, ch <-chan T, of ...any) {}

// Select is a point before a select of these channels, each a variable of its own. It
// leaves one that is ready and sets the others to nil. Within if On only: it would keep
// the variables out of registers.
func Select(object string, of any, chans ...*<-chan struct{}) {}

// Go is the go statement. Within if On only.
func Go(f func()) { go f() }
