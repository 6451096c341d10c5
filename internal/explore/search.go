//go:build explore

package explore

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
)

// search is the depth-first search through all decisions.
type search struct {
	report Report
	path   []decision
	nodes  map[uint64]*node // by state
	random *rand.Rand       // of Sample
	root   uint64

	preemptions int // at most so many in a schedule, or anyNumber
	backwards   bool

	from    *node // the decision last taken by this execution, to be joined with what follows
	fromWay int
	free    bool // the state was seen before: go on to the end, anyhow

	idle []chan func() // goroutines that have ended a thread, for the next one
}

// begin makes the process fit for very many short executions, until the func it returns.
func (s *search) begin() (end func()) {
	// One processor: goroutines that take turns need no second one, and waking it is dear.
	processors := runtime.GOMAXPROCS(1)
	garbage := debug.SetGCPercent(800) // all that lives long are the nodes
	return func() {
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(garbage)
		for _, r := range s.idle {
			close(r)
		}
	}
}

// runner is a goroutine that calls what it is sent. One that has run before is taken first:
// its stack has grown already.
func (s *search) runner() chan func() {
	if n := len(s.idle); n > 0 {
		r := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return r
	}
	r := make(chan func(), 1)
	go func() {
		for f := range r {
			f()
		}
	}()
	return r
}

// decision is a place on the path that is being searched.
type decision struct {
	state uint64
	node  *node
	way   int
	moves []move
	owns  bool // Owner was asked of something new as the state was hashed
}

// ended stands for the end of a schedule, in place of a state.
const ended = 1

func (s *search) execute(setup func(*Scenario), follow []int) *execution {
	x := &execution{
		search: s, over: make(chan struct{}), owners: map[any]uint64{},
		follow: follow, tell: follow != nil,
	}
	s.free, s.from = s.random != nil, nil
	setup(&Scenario{x})
	running.Store(x)
	next, way := x.choose()
	if next != nil {
		next.resume <- way
		<-x.over
	}
	running.Store(nil)
	if x.err == nil {
		for _, f := range x.finally {
			if err := f(); err != nil {
				x.fail(err)
			}
		}
	}
	return x
}

// pick says which of its options x takes.
func (s *search) pick(x *execution, options []option) int {
	depth := x.depth
	x.depth++
	way := 0
	switch {
	case x.tell:
		if depth < len(x.follow) {
			way = x.follow[depth]
		}
	case s.random != nil:
		way = s.random.IntN(len(options))
	case s.free:
	default:
		way = s.decide(x, depth, options)
	}
	x.taken = append(x.taken, way)
	return way
}

func (s *search) decide(x *execution, depth int, options []option) int {
	if depth < len(s.path) {
		return s.repeat(x, depth, options)
	}
	owners := len(x.owners)
	state := x.state()
	if depth == 0 {
		s.root = state
	}
	s.join(state)
	d := decision{state: state, moves: movesOf(options), owns: len(x.owners) > owners}
	if known := s.nodes[state]; known != nil {
		if !known.has(d.moves) {
			x.fail(fmt.Errorf("states that differ are taken for one, so some Value leaves something out; now %s", x.stuck()))
		}
		s.free = true
		return 0
	}
	n := newNode(d.moves)
	s.nodes[state], d.node = n, n
	if depth > 0 && s.preemptions == anyNumber {
		s.infer(n, &s.path[depth-1])
	}
	if d.way = n.unknown(0); d.way == len(options) {
		s.free = true
		return 0
	}
	s.path = append(s.path, d)
	s.from, s.fromWay = n, d.way
	return d.way
}

// repeat takes the decision on the path that is being searched, and sees at each step whether the
// ways to go on are the same as before, and at the end whether the state is. Not the state at each
// step: its hash takes longer than the step. (Where to hash it gave something its owner, that is
// repeated as well.)
func (s *search) repeat(x *execution, depth int, options []option) int {
	d := &s.path[depth]
	same := len(d.moves) == len(options)
	for i := 0; same && i < len(options); i++ {
		same = d.moves[i].id == idOf(options[i])
	}
	if look := depth == len(s.path)-1 || d.owns; !same || look && d.state != x.state() {
		x.fail(fmt.Errorf("the scenario is not repeatable: step %d, or one before it, differs", depth))
		s.free = true
		return 0
	}
	s.from, s.fromWay = d.node, d.way
	return d.way
}

// join notes that the decision last taken leads to state.
func (s *search) join(state uint64) {
	if s.from != nil {
		s.from.to[s.fromWay] = state
	}
}

func (s *search) end(x *execution) {
	switch {
	case s.free || x.tell:
	case x.depth < len(s.path):
		x.fail(fmt.Errorf("the scenario is not repeatable: it ended at step %d", x.depth))
	default:
		s.join(ended)
	}
}

// backtrack moves on to the next way at the last decision that has one left.
func (s *search) backtrack() bool {
	for len(s.path) > 0 {
		d := &s.path[len(s.path)-1]
		if d.way = d.node.unknown(d.way + 1); d.way < len(d.moves) {
			return true
		}
		s.path = s.path[:len(s.path)-1]
	}
	return false
}

// count is how many schedules lead on from a state.
func (s *search) count(state uint64, known map[uint64]*big.Int) *big.Int {
	if state == ended {
		return big.NewInt(1)
	}
	if n := known[state]; n != nil {
		return n
	}
	sum := new(big.Int)
	if n := s.nodes[state]; n != nil {
		for _, to := range n.to {
			sum.Add(sum, s.count(to, known))
		}
	}
	known[state] = sum
	return sum
}
