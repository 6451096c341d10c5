//go:build explore

package explore

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
)

// On reports whether the scheduler is built in.
const On = true

// running is the execution under way; nil outside of Run, where points do nothing.
var running atomic.Pointer[execution]

// kind is what a step does to its object.
type kind uint8

const (
	reads kind = iota
	writes
	puts // a write that reads nothing
)

// step is what a goroutine is about to do.
type step struct {
	object string
	kind   kind
	mu     *sync.Mutex        // of Lock
	ready  func() bool        // of Receive
	chans  []*<-chan struct{} // of Select
	any    int                // of Any
}

// Read is a point before a read of the shared object of that name. Where there are several
// of them, of says whose it is.
func Read(object string, of ...any) { point(step{object: named(object, of), kind: reads}) }

// Write is a point before a write, or a read and a write in one, of that object.
func Write(object string, of ...any) { point(step{object: named(object, of), kind: writes}) }

// Put is Write for a write that is blind: the goroutine learns nothing of what the object held.
func Put(object string, of ...any) { point(step{object: named(object, of), kind: puts}) }

// ReadAt is Read for the ith object of that name.
func ReadAt(object string, i int) { point(step{object: At(object, i), kind: reads}) }

// WriteAt is Write for the ith object of that name.
func WriteAt(object string, i int) { point(step{object: At(object, i), kind: writes}) }

// At is the name of the ith object of that name.
func At(object string, i int) string { return object + " " + strconv.Itoa(i) }

// Holding is for a goroutine that has just read the object and will compare it with what it
// read in its next Write to it, as a compare-and-swap does. All that it has left of the read
// is whether the two will be equal, so with Value the object may leave out what nothing else
// depends on. A nil func lets go of it: there will be no comparison.
func Holding(object string, equal func() bool) {
	if x := running.Load(); x != nil {
		x.current.holding, x.current.equal = x.object(object), equal
	}
}

// Lock is a point before mu.Lock: what follows at once must be that call.
func Lock(object string, mu *sync.Mutex) { point(step{object: object, kind: writes, mu: mu}) }

// Retry is for loops that begin anew: the last n points of the goroutine have left no trace
// in it, so the explorer may forget them.
func Retry(n int) {
	if x := running.Load(); x != nil && (!x.search.free || x.tell) { // or nothing was written down
		x.current.past = x.current.pasts[(x.current.points-n)%len(x.current.pasts)]
	}
}

// Receive is a point before a receive from ch.
func Receive[T any](object string, ch <-chan T, of ...any) {
	point(step{object: named(object, of), kind: writes, ready: func() bool { return ready(ch) }})
}

// Here is for goroutines of a test's own: from here on all that it has seen is forgotten, but
// for n. It says that what it does next depends on n and on shared objects alone.
func Here(n int) {
	if x := running.Load(); x != nil {
		x.current.past = mix(x.current.id, uint64(n)) //nolint:gosec // any number will do
	}
}

// Until is a point of a test's own: its goroutine waits there until ready reports true.
func Until(ready func() bool) { point(step{object: "a condition", kind: reads, ready: ready}) }

// Select is a point before a select of these channels, each a variable of its own. It
// leaves one that is ready and sets the others to nil.
func Select(object string, of any, chans ...*<-chan struct{}) {
	if of != nil {
		object = named(object, []any{of})
	}
	chosen := point(step{object: object, kind: writes, chans: chans})
	if chosen < 0 {
		return
	}
	for i, ch := range chans {
		if i != chosen {
			*ch = nil
		}
	}
}

// Any is any number below n, for code that must be right whichever it is: each is tried. What
// stands still is 0.
func Any(object string, n int) int {
	return max(0, point(step{object: object, kind: reads, any: n}))
}

// Go is the go statement.
func Go(f func()) {
	x := running.Load()
	if x == nil {
		go f()
		return
	}
	parent := x.current
	parent.children++
	x.spawn(fmt.Sprintf("%s.%d", parent.name, parent.children), parent, parent.past, f)
}

// named is the name of an object that belongs to something made on the way.
func named(object string, of []any) string {
	x := running.Load()
	if x == nil || len(of) == 0 {
		return object
	}
	return fmt.Sprintf("%s of %x", object, x.owner(of[0]))
}

// point hands over to the scheduler. It returns the chosen way of a Select, -1 outside of
// an execution.
func point(s step) int {
	x := running.Load()
	if x == nil {
		return -1
	}
	return x.yield(s)
}

// ways is in how many ways the step can be taken now.
func (s *step) ways() int {
	switch {
	case s.mu != nil:
		if !s.mu.TryLock() {
			return 0
		}
		s.mu.Unlock()
	case s.any > 0:
		return s.any
	case s.ready != nil:
		if !s.ready() {
			return 0
		}
	case s.chans != nil:
		n := 0
		for _, ch := range s.chans {
			if ready(*ch) {
				n++
			}
		}
		return n
	}
	return 1
}

// nth is the index of the nth ready channel of a Select.
func (s *step) nth(way int) int {
	for i, ch := range s.chans {
		if ready(*ch) {
			if way == 0 {
				return i
			}
			way--
		}
	}
	return -1
}

// ready reports whether a receive would not block. A channel without room is one that is
// only ever closed. No receive here takes anything: what is not there cannot be sent while
// the one goroutine that runs is this one.
func ready[T any](ch <-chan T) bool {
	if len(ch) > 0 {
		return true
	}
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
