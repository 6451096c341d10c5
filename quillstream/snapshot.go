package quillstream

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/seed-f7c3343e/quill"
)

// snapshots renders what a registry's circuits and their bulkheads are doing. It remembers
// the looks of the last window. One goroutine at a time may use it.
type snapshots struct {
	registry *quill.Registry
	group    func(string) string
	tick     time.Duration

	born     time.Time
	circuits map[*quill.Circuit]*looks
	pools    map[*quill.Bulkhead]*poolMemory
}

// poolMemory is what is remembered of a bulkhead.
type poolMemory struct {
	looks   looks
	largest int
}

// poolSeen is a bulkhead with what its circuits did.
type poolSeen struct {
	bulkhead *quill.Bulkhead
	name     string
	use      poolUse
}

// render returns the messages of one tick, commands first, each by name, and then the ping
// by which Hystrix's streams show that they live.
func (s *snapshots) render() []byte {
	now := time.Now()
	if s.born.IsZero() {
		s.born = now
	}
	at := now.Sub(s.born)
	wall := now.UnixMilli() //nolint:forbidigo // a field for people; nothing is decided by it
	out := &messages{}
	former := s.circuits
	s.circuits = make(map[*quill.Circuit]*looks, len(former))
	var seen pools
	for c := range s.registry.All() {
		history := former[c]
		if history == nil {
			history = &looks{}
		}
		s.circuits[c] = history
		stats := c.Stats()
		p := seen.of(c.Bulkhead())
		p.use.add(&stats)
		r := history.add(lookAt(&stats, at), stats.Settings.RollingWindow, s.tick)
		out.add(commandOf(&stats, wall, s.groupOf(&stats), p.name, r))
	}
	s.renderPools(seen.inOrder, wall, at, out)
	out.ping()
	return out.Bytes()
}

// renderPools adds a message for each bulkhead whose calls run on a pool.
func (s *snapshots) renderPools(seen []*poolSeen, now int64, at time.Duration, out *messages) {
	former := s.pools
	s.pools = make(map[*quill.Bulkhead]*poolMemory, len(former))
	for _, p := range seen {
		b := p.bulkhead.Stats()
		if b.Isolation != quill.Pool {
			continue
		}
		memory := former[p.bulkhead]
		if memory == nil {
			memory = &poolMemory{}
		}
		s.pools[p.bulkhead] = memory
		memory.largest = max(memory.largest, b.InFlight)
		r := memory.looks.add(look{at: at, inFlight: b.InFlight}, p.use.window, s.tick)
		out.add(poolOf(p.name, b, p.use, now, r.peak, memory.largest))
	}
}

// groupOf asks the user's function, if there is one and it does not panic.
func (s *snapshots) groupOf(stats *quill.Stats) (group string) {
	if s.group == nil {
		return stats.Bulkhead
	}
	defer func() {
		if recover() != nil {
			group = stats.Bulkhead
		}
	}()
	return s.group(stats.Name)
}

// pools are the bulkheads of a snapshot, each once, in the order of their first circuits.
// Two that are called the same are told apart by a number: readers know them by name.
type pools struct {
	inOrder []*poolSeen
	known   map[*quill.Bulkhead]*poolSeen
	names   map[string]bool
}

func (p *pools) of(b *quill.Bulkhead) *poolSeen {
	if seen := p.known[b]; seen != nil {
		return seen
	}
	if p.known == nil {
		p.known, p.names = map[*quill.Bulkhead]*poolSeen{}, map[string]bool{}
	}
	name := b.Name()
	for n := 2; p.names[name]; n++ {
		name = b.Name() + "#" + strconv.Itoa(n)
	}
	p.names[name] = true
	seen := &poolSeen{bulkhead: b, name: name}
	p.known[b] = seen
	p.inOrder = append(p.inOrder, seen)
	return seen
}

// messages are server-sent events as they go over the wire.
type messages struct{ bytes.Buffer }

// add appends a message with v as JSON.
func (m *messages) add(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return // cannot be: strings and integers
	}
	m.addData(string(data))
}

// addData appends a message with data as it is.
func (m *messages) addData(data string) {
	var e sse.Message
	e.AppendData(data)
	_, _ = e.WriteTo(m)
}

// ping appends what a Java stream sends to show that it lives: a field that readers of
// server-sent events pass over.
func (m *messages) ping() { _, _ = m.WriteString("ping: \n\n") }
