//go:build explore

package explore

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
)

// Scenario is what a test sets up for one execution: goroutines, and what must hold.
type Scenario struct{ x *execution }

// Apart makes s fit to set things up that are not explored.
func (s *Scenario) Apart() *Scenario {
	s.x = &execution{owners: map[any]uint64{}}
	return s
}

// Go adds a goroutine of that name.
func (s *Scenario) Go(name string, f func()) { s.x.spawn(name, nil, 0, f) }

// Always adds a check that is made between any two steps. It must only look.
func (s *Scenario) Always(check func() error) { s.x.always = append(s.x.always, check) }

// Finally adds a check of the end, when all goroutines have returned.
func (s *Scenario) Finally(check func() error) { s.x.finally = append(s.x.finally, check) }

// Value tells the explorer what the shared object of that name holds, as a hash: everything
// that a goroutine can read behind a point of that name. With it, schedules that lead to the
// same value are told apart no more; without it, the order of accesses stands for the value.
func (s *Scenario) Value(object string, hash func() uint64) {
	o := s.x.object(object)
	o.value, o.still = hash, false
}

// Still says that nobody writes the shared object of that name in this scenario, unless a
// later Value says otherwise: reading it is no step, which spares many schedules.
func (s *Scenario) Still(object string) { s.x.object(object).still = true }

// Owner is the name of something made on the way, such as a place in a queue, for use in a
// Value: the same in each schedule in which the same goroutine made it as its nth. The
// explorer must be shown it in the first Value after it was made.
func (s *Scenario) Owner(made any) uint64 { return s.x.owner(made) }

// Failf says that something does not hold that must.
func (s *Scenario) Failf(format string, args ...any) { s.x.fail(fmt.Errorf(format, args...)) }

// Report is what an exploration has found.
type Report struct {
	Schedules  *big.Int // how many there are
	States     int      // that they pass through, alike orders counted once
	Executions int      // that it took to see all states
	Longest    int      // steps of the longest schedule
	Err        error    // what the first schedule that failed broke
	Schedule   []string // that schedule, step by step
}

func (r Report) String() string {
	text := fmt.Sprintf("%v schedules of up to %d steps, %d states, %d executions",
		r.Schedules, r.Longest, r.States, r.Executions)
	if r.Err != nil {
		text += fmt.Sprintf("\n%v, after\n  %s", r.Err, strings.Join(r.Schedule, "\n  "))
	}
	return text
}

// Run explores every schedule of the scenario that setup makes anew for each execution, and
// stops at the first that fails.
func Run(setup func(*Scenario)) Report { return RunWithin(anyNumber, setup) }

// RunBackwards is Run that tries the ways at each decision from the last one to the first. It
// must find as many schedules: if it does not, states that differ were taken for one, because
// some Value leaves out what can be read there.
func RunBackwards(setup func(*Scenario)) Report {
	return searchAll(&search{preemptions: anyNumber, backwards: true}, setup)
}

const anyNumber = -1

// RunWithin is Run for the schedules in which no more than so many times a goroutine is
// stopped that could have gone on. It is for what is too large for Run: most faults need one
// or two such stops.
func RunWithin(preemptions int, setup func(*Scenario)) Report {
	return searchAll(&search{preemptions: preemptions}, setup)
}

func searchAll(s *search, setup func(*Scenario)) Report {
	s.nodes = map[uint64]*node{}
	defer s.begin()()
	for {
		x := s.execute(setup, nil)
		s.report.Executions++
		s.report.Longest = max(s.report.Longest, x.depth)
		if x.err != nil {
			s.report.Err = x.err
			s.report.Schedule = s.execute(setup, x.taken).story
			break
		}
		if !s.backtrack() {
			break
		}
	}
	s.report.States = len(s.nodes)
	s.report.Schedules = s.count(s.root, map[uint64]*big.Int{})
	return s.report
}

// Sample runs n schedules of the scenario that are drawn at random, for what is too large to
// be explored. The same seed draws the same ones.
func Sample(seed uint64, n int, setup func(*Scenario)) Report {
	s := &search{preemptions: anyNumber, random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // to be repeated
	defer s.begin()()
	for s.report.Err == nil && s.report.Executions < n {
		x := s.execute(setup, nil)
		s.report.Executions++
		s.report.Longest = max(s.report.Longest, x.depth)
		s.report.Err = x.err
	}
	s.report.Schedules = big.NewInt(int64(s.report.Executions))
	return s.report
}

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
	state := x.state()
	if depth == 0 {
		s.root = state
	}
	s.join(state)
	if depth < len(s.path) {
		d := s.path[depth]
		if d.state != state || len(d.moves) != len(options) {
			x.fail(fmt.Errorf("the scenario is not repeatable: step %d differs", depth))
			s.free = true
			return 0
		}
		s.from, s.fromWay = d.node, d.way
		return d.way
	}
	d := decision{state: state, moves: movesOf(options)}
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

// join notes that the decision last taken leads to state.
func (s *search) join(state uint64) {
	if s.from != nil {
		s.from.to[s.fromWay] = state
	}
}

func (s *search) end(x *execution) {
	if !s.free && !x.tell {
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
