package quillprom

import "github.com/seed-f7c3343e/quill"

// users are the bulkheads that are in use, in the order of their circuits.
type users struct {
	all []*use
	by  map[*quill.Bulkhead]*use
}

// use is how a bulkhead is used.
type use struct {
	bulkhead *quill.Bulkhead
	circuits int
	shared   bool // by several circuits, or under a name that is not the circuit's
}

func (u *users) add(c *quill.Circuit, s *quill.Stats) {
	b := c.Bulkhead()
	if u.by[b] == nil {
		u.by[b] = &use{bulkhead: b}
		u.all = append(u.all, u.by[b])
	}
	use := u.by[b]
	use.circuits++
	use.shared = use.shared || use.circuits > 1 || s.Bulkhead != s.Name
}

// pool is what one pool_name says. Bulkheads of one name are added up.
type pool struct {
	name     string
	pooled   bool   // it is a pool, or has been one
	executed uint64 // calls that ran on a pool of this name
	now      poolGauges
}

// poolGauges are what goes on at a scrape.
type poolGauges struct {
	pooled, shared bool // whether there is such a bulkhead now

	inFlight, queued, abandoned int
	maxConcurrent, queueLimit   float64
}

func (l *ledger) poolOf(name string) *pool {
	return l.pools.get(name, func(name string, _ bool) *pool { return &pool{name: name} })
}

// bulkhead reads a bulkhead that circuits of the registry use: one that is a pool, and one
// that is shared. What others do stands in the series of their only circuit.
func (l *ledger) bulkhead(u *use) {
	s := u.bulkhead.Stats()
	if s.Isolation != quill.Pool && !u.shared {
		return
	}
	g := &l.poolOf(s.Name).now
	g.pooled = g.pooled || s.Isolation == quill.Pool
	g.shared = g.shared || u.shared
	g.inFlight += s.InFlight
	g.queued += s.Queued
	g.abandoned += s.Abandoned
	g.maxConcurrent += limit(s.MaxConcurrent)
	g.queueLimit += float64(s.QueueSize)
}
