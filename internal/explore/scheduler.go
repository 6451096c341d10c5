//go:build explore

package explore

import (
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"strings"
)

// execution is one run of a scenario from its beginning to its end.
type execution struct {
	search  *search
	threads []*thread
	current *thread
	over    chan struct{}
	always  []func() error
	finally []func() error
	err     error

	preempted int // how often one was stopped that could have gone on

	objects []*object
	owners  map[any]uint64
	depth   int
	taken   []int // the choice at each decision so far
	follow  []int // choices to repeat, if any: a failure is told again, with its lines
	tell    bool
	story   []string
}

// thread is one goroutine of an execution.
type thread struct {
	name     string
	parent   *thread // nil: the scenario's own
	id       uint64
	children int
	made     int
	next     step
	past     uint64    // what it has done and seen, as a hash
	pasts    [4]uint64 // before the last points, the nth at n modulo 4
	points   int
	holding  *object     // of Holding: what it will compare
	equal    func() bool // and whether it is still as it was read
	resume   chan int
	line     string
	done     bool
}

// object is what is known of a shared object: its value, if the scenario tells it, or else
// its past: the hash of its last write, and of the reads since.
type object struct {
	called        string
	name          uint64 // as a hash
	value         func() uint64
	written, read uint64
	still         bool // nobody writes it
}

func (o *object) content() uint64 {
	if o.value != nil {
		return o.value()
	}
	return o.written
}

// spawn makes a thread that waits for its first turn.
func (x *execution) spawn(name string, parent *thread, past uint64, f func()) {
	t := &thread{name: name, parent: parent, id: hashOf(name), resume: make(chan int)}
	t.past = mix(past, t.id)
	t.next = step{object: "start of " + name, kind: reads}
	x.threads = append(x.threads, t)
	r := x.search.runner()
	r <- func() {
		<-t.resume
		returned := false
		defer func() {
			v := recover()
			// One that the code under test started may end itself by Goexit.
			if !returned && (v != nil || t.parent == nil) {
				x.fail(fmt.Errorf("%s did not return: %v", name, v))
			}
			if returned || v != nil {
				x.search.idle = append(x.search.idle, r)
			}
			t.done = true
			x.advance()
		}()
		f()
		returned = true
	}
}

// yield is called by the running thread at each of its points.
func (x *execution) yield(s step) int {
	t := x.current
	if o := x.object(s.object); o.still {
		if s.kind != reads {
			x.fail(fmt.Errorf("%s was to stand still, and is written", o.called))
		}
		t.remember() // a point like others for Retry
		return 0
	}
	t.next = s
	if x.tell {
		t.line = caller()
	}
	if next, way := x.choose(); next == t {
		return way
	} else if next != nil {
		next.resume <- way
	}
	return <-t.resume
}

// advance is called by a thread that has ended.
func (x *execution) advance() {
	if next, way := x.choose(); next != nil {
		next.resume <- way
	}
}

// choose checks what always holds and picks who goes on, and how. When nobody can it ends
// the execution.
func (x *execution) choose() (next *thread, way int) {
	if x.err == nil {
		for _, f := range x.always {
			if err := f(); err != nil {
				x.fail(err)
			}
		}
	}
	var room [16]option
	options, alive, mine := x.options(room[:0])
	if x.search.backwards {
		slices.Reverse(options)
	}
	if len(options) == 0 {
		if alive > 0 {
			x.fail(fmt.Errorf("deadlock: %s", x.stuck()))
		}
		x.search.end(x)
		close(x.over)
		return nil, 0
	}
	o := options[x.search.pick(x, options)]
	if mine && o.t != x.current {
		x.preempted++
	}
	if o.t.next.chans != nil {
		o.way = o.t.next.nth(o.way)
	}
	x.run(o.t, o.way)
	return o.t, o.way
}

// option is one way in which an execution can go on.
type option struct {
	t   *thread
	way int
}

// options are all there are, how many threads have not ended, and whether the one that has
// just run is among those that could go on. If no more may be stopped it alone can.
func (x *execution) options(options []option) (all []option, alive int, mine bool) {
	for _, t := range x.threads {
		if t.done {
			continue
		}
		alive++
		for way := range t.next.ways() {
			options = append(options, option{t, way})
			mine = mine || t == x.current
		}
	}
	if mine && x.preempted == x.search.preemptions {
		options = slices.DeleteFunc(options, func(o option) bool { return o.t != x.current })
	}
	return options, alive, mine
}

// run writes t's next step down in the past of the thread and of its object.
func (x *execution) run(t *thread, way int) {
	x.current = t
	if x.search.free && !x.tell {
		return // nobody asks for its state any more
	}
	o := x.object(t.next.object)
	t.remember()
	seen := uint64(1)
	if o.value == nil || t.next.kind != puts {
		seen = o.content()
	}
	h := mix(mix(t.past, o.name), mix(seen, uint64(way))) //nolint:gosec // never negative
	if t.holding == o && t.next.kind == writes {
		h = mix(h, t.held())
		t.holding, t.equal = nil, nil
	}
	switch {
	case o.value != nil:
	case t.next.kind != reads:
		h = mix(h, o.read+1)
		o.written, o.read = h, 0
	default:
		o.read += h // in any order
	}
	t.past = h
	if x.tell {
		verb := "reads"
		if t.next.kind != reads {
			verb = "takes or writes"
		}
		x.story = append(x.story, fmt.Sprintf("%-12s %s %s  %s", t.name, verb, t.next.object, t.line))
	}
}

// remember notes that the thread has come to one more point.
func (t *thread) remember() {
	t.pasts[t.points%len(t.pasts)] = t.past
	t.points++
}

// held is what Holding leaves of a read.
func (t *thread) held() uint64 {
	switch {
	case t.equal == nil:
		return 0
	case t.equal():
		return 1
	default:
		return 2
	}
}

func (x *execution) object(name string) *object {
	for _, o := range x.objects {
		if o.called == name {
			return o
		}
	}
	o := &object{called: name, name: hashOf(name)}
	x.objects = append(x.objects, o)
	return o
}

func (x *execution) owner(made any) uint64 {
	id, ok := x.owners[made]
	if !ok {
		t := x.current
		t.made++
		id = mix(t.id, uint64(t.made)) //nolint:gosec // a small number
		x.owners[made] = id
	}
	return id
}

// state is the hash of what all threads have seen and of what all objects are: from equal
// states on, the same schedules lead to the same ends.
func (x *execution) state() uint64 {
	var sum uint64
	for _, t := range x.threads {
		sum += mix(t.id, mix(t.past, t.held()))
	}
	for _, o := range x.objects {
		sum += mix(o.name, mix(o.content(), o.read))
	}
	if x.search.preemptions != anyNumber && x.current != nil {
		sum += mix(x.current.id, uint64(x.preempted)) //nolint:gosec // never negative
	}
	return sum
}

func (x *execution) stuck() string {
	var all []string
	for _, t := range x.threads {
		if !t.done {
			all = append(all, fmt.Sprintf("%s waits for %s", t.name, t.next.object))
		}
	}
	return strings.Join(all, ", ")
}

func (x *execution) fail(err error) {
	if x.err == nil {
		x.err = err
	}
}

// caller is the line of the code under test that has reached a point.
func caller() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.File, "internal/explore/points.go") {
			return fmt.Sprintf("%s:%d", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		if !more {
			return ""
		}
	}
}

// Hash is a hash of some numbers, for use in a Value.
func Hash(numbers ...uint64) uint64 {
	h := uint64(len(numbers))
	for _, n := range numbers {
		h = mix(h, n)
	}
	return h
}

// mix and hashOf are a hash good enough for some millions of states.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1b54a32d192ed03)
	hi ^= lo
	hi ^= hi >> 29
	return hi*0xbf58476d1ce4e5b9 + a
}

// HashOf is a hash of a text, for use in a Value.
func HashOf(s string) uint64 { return hashOf(s) }

func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
