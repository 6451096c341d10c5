package quillprom

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill"
)

const (
	// other is the name under which everything beyond MaxNames is summed. A circuit that
	// really has this name is counted there too: two series of one name cannot be.
	other = "other"

	defaultGroup = "default"

	// mostSteps bounds the fallback steps that one row tells by name.
	mostSteps = 32
)

// The ledger makes sums that only grow out of circuits that come and go.
//
// Each circuit has an account: to which row it is booked, and what it had counted at the
// last scrape. A scrape adds the difference to the row. So
//
//   - the first MaxNames names that a scrape sees have rows of their own for good, and all
//     other circuits are booked to one more row; no circuit ever changes its row;
//   - a circuit that was removed is read once more and its account closed; its row keeps
//     what was booked, so "other" never shrinks, and a circuit that is made anew under the
//     name goes on from there;
//   - a circuit whose isolation is changed has its rejections booked by what it was at the
//     scrape after them, and neither sum shrinks.
type ledger struct {
	mu sync.Mutex

	accounts map[*quill.Circuit]*account
	rows     names[*row]
	pools    names[*pool]
	scrapes  uint64

	named, unnamed int // circuits, as of the last scrape
}

// source is a circuit to read and its group.
type source struct {
	circuit *quill.Circuit
	group   string
}

// account is one circuit as of the last scrape.
type account struct {
	row  *row
	last reading
	seen uint64 // the scrape that last found it in the registry
}

func newLedger(most int) *ledger {
	return &ledger{
		accounts: map[*quill.Circuit]*account{},
		rows:     newNames[*row](most),
		pools:    newNames[*pool](most),
	}
}

// scrape books everything that has happened since the last one.
func (l *ledger) scrape(sources []source) {
	l.scrapes++
	l.named, l.unnamed = 0, 0
	for _, r := range l.rows.inOrder() {
		r.now, r.shadow.now, r.shadow.in = gauges{}, 0, [3]int{}
	}
	for _, p := range l.pools.inOrder() {
		p.now = poolGauges{}
	}
	bulkheads := users{by: map[*quill.Bulkhead]*use{}}
	for _, s := range sources {
		l.live(s, &bulkheads)
	}
	for circuit, a := range l.accounts {
		if a.seen != l.scrapes { // removed
			l.book(a, circuit.Stats(), circuit)
			delete(l.accounts, circuit)
		}
	}
	for _, u := range bulkheads.all {
		l.bulkhead(u)
	}
}

// live reads a circuit that is in the registry.
func (l *ledger) live(s source, bulkheads *users) {
	a := l.accounts[s.circuit]
	if a == nil {
		a = &account{row: l.rowOf(s)}
		l.accounts[s.circuit] = a
	}
	a.seen = l.scrapes
	stats := s.circuit.Stats()
	l.book(a, stats, s.circuit)
	a.row.now.add(&stats)
	a.row.shadow.live(&a.last.shadow)
	bulkheads.add(s.circuit, &stats)
	if a.row.rest {
		l.unnamed++
	} else {
		l.named++
	}
}

func (l *ledger) rowOf(s source) *row {
	return l.rows.get(s.circuit.Name(), func(name string, rest bool) *row {
		r := &row{name: name, group: s.group, rest: rest}
		if rest {
			r.group = other
		}
		return r
	})
}

func (l *ledger) book(a *account, s quill.Stats, c *quill.Circuit) {
	now := readingOf(&s)
	now.shadow = shadowOf(c)
	a.row.book(&now, &a.last)
	if s.Settings.Isolation == quill.Pool {
		p := l.poolOf(s.Bulkhead)
		p.pooled = true
		p.executed += now.whole.Count() - min(now.whole.Count(), a.last.whole.Count())
	}
	a.last = now
}

// names are the rows by name: the first most of them, and one for all others.
type names[R any] struct {
	most  int
	by    map[string]R
	order []string
	rest  *R
}

func newNames[R any](most int) names[R] { return names[R]{most: most, by: map[string]R{}} }

// get returns the row of a name, making it if need be.
func (n *names[R]) get(name string, made func(name string, rest bool) R) R {
	if r, ok := n.by[name]; ok {
		return r
	}
	if name != other && len(n.by) < n.most {
		r := made(name, false)
		n.by[name] = r
		n.order = append(n.order, name)
		return r
	}
	if n.rest == nil {
		r := made(other, true)
		n.rest = &r
	}
	return *n.rest
}

// inOrder returns all rows in the order in which they came, the one for the others last.
func (n *names[R]) inOrder() []R {
	var all []R
	for _, name := range n.order {
		all = append(all, n.by[name])
	}
	if n.rest != nil {
		all = append(all, *n.rest)
	}
	return all
}

// row is what one command_name says: sums that only grow, and what goes on now.
type row struct {
	name, group string
	rest        bool // it is the one for all that have none of their own

	sums             counters
	execution, whole histogram
	steps            []quill.StepStats
	shadow           shadowRow
	now              gauges
}

// book adds what now has more than last.
func (r *row) book(now, last *reading) {
	for i := range now.counters {
		r.sums[i] += now.counters[i] - min(now.counters[i], last.counters[i])
	}
	r.sums[now.rejectedAs] += now.rejected - min(now.rejected, last.rejected)
	r.execution.book(now.execution, last.execution)
	r.whole.book(now.whole, last.whole)
	r.shadow.book(&now.shadow, &last.shadow)
	for i, s := range now.steps { // a circuit's steps keep their places
		before := quill.StepStats{}
		if i < len(last.steps) {
			before = last.steps[i]
		}
		sum := r.step(s.Step)
		sum.Answered += s.Answered - min(s.Answered, before.Answered)
		sum.Failed += s.Failed - min(s.Failed, before.Failed)
		sum.Rejected += s.Rejected - min(s.Rejected, before.Rejected)
	}
}

// step returns the sums of a fallback step.
func (r *row) step(name string) *quill.StepStats {
	find := func(name string) int {
		return slices.IndexFunc(r.steps, func(s quill.StepStats) bool { return s.Step == name })
	}
	at := find(name)
	if at < 0 && len(r.steps) >= mostSteps {
		name = other
		at = find(name)
	}
	if at < 0 {
		r.steps = append(r.steps, quill.StepStats{Step: name})
		at = len(r.steps) - 1
	}
	return &r.steps[at]
}

// gauges are what goes on at a scrape, added up over the circuits of a row. (A row of its
// own has one circuit, or none after it was removed.)
type gauges struct {
	circuits int
	open     int
	states   [3]int
	override [4]int

	inFlight, queued, abandoned, probes, fallbacks int
	maxConcurrent, queueLimit, maxFallbacks        float64
	timeout, transition                            float64
}

func (g *gauges) add(s *quill.Stats) {
	g.circuits++
	if s.Open() {
		g.open++
	}
	if int(s.State) < len(g.states) {
		g.states[s.State]++
	}
	if int(s.Override) < len(g.override) {
		g.override[s.Override]++
	}
	g.inFlight += s.InFlight
	g.queued += s.Queued
	g.abandoned += s.Abandoned
	g.probes += s.Probes
	g.fallbacks += s.FallbacksInFlight
	g.maxConcurrent += limit(s.Settings.MaxConcurrent)
	g.queueLimit += float64(s.Settings.QueueSize)
	g.maxFallbacks += limit(s.Settings.MaxConcurrentFallbacks)
	g.timeout = s.Settings.Timeout.Seconds()
	if s.Settings.Timeout == quill.NoTimeout {
		g.timeout = math.Inf(1)
	}
	if at := s.LastTransition.At; !at.IsZero() {
		g.transition = max(g.transition, float64(at.UnixNano())/float64(time.Second)) //nolint:forbidigo // a moment for people to read
	}
}

func limit(n int) float64 {
	if n == quill.Unlimited {
		return math.Inf(1)
	}
	return float64(n)
}
