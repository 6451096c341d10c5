//go:build explore

package explore

import "slices"

// node is a state: its options, and where each of them leads, 0 if that is not known yet.
type node struct{ options, to []uint64 }

func newNode(moves []move) *node {
	n := &node{make([]uint64, len(moves)), make([]uint64, len(moves))}
	for i := range moves {
		n.options[i] = moves[i].id
	}
	return n
}

// has reports whether these are the options of n, in any order.
func (n *node) has(moves []move) bool {
	for i := range moves {
		if !slices.Contains(n.options, moves[i].id) {
			return false
		}
	}
	return len(moves) == len(n.options)
}

// unknown is the first option from that one on of which nobody knows where it leads; the
// number of options if there is none.
func (n *node) unknown(from int) int {
	for from < len(n.to) && n.to[from] != 0 {
		from++
	}
	return from
}

// move is what an option does, as much as it takes to say whether it meets another.
type move struct {
	id     uint64 // of the thread, its step and the way
	thread uint64
	object uint64
	reads  bool // and does nothing else
	alone  bool // whether it can be made depends on no more than its object
}

func movesOf(options []option) []move {
	all := make([]move, len(options))
	for i, o := range options {
		step := &o.t.next
		object := hashOf(step.object)
		all[i] = move{
			id:     idOf(o),
			thread: o.t.id,
			object: object,
			reads:  step.kind == reads,
			alone:  step.ready == nil && step.chans == nil,
		}
	}
	return all
}

// idOf is what tells an option from others: the thread, its step and the way.
func idOf(o option) uint64 {
	return mix(mix(o.t.id, uint64(o.way)), hashOf(o.t.next.object)) //nolint:gosec // never negative
}

// meets reports whether the order of two moves may matter.
func (m *move) meets(other *move) bool {
	return m.thread == other.thread || !m.alone || !other.alone ||
		m.object == other.object && (!m.reads || !other.reads)
}

// infer notes where options of n lead that need not be tried for it: n was just reached from
// a state by a move, and if from there another move that does not meet it was made first, the
// two lead to where they lead in this order. All states are visited all the same.
func (s *search) infer(n *node, from *decision) {
	last := &from.moves[from.way]
	for i := range from.moves {
		other := s.nodes[from.node.to[i]]
		if other == nil || last.meets(&from.moves[i]) {
			continue
		}
		here := slices.Index(n.options, from.moves[i].id)
		there := slices.Index(other.options, last.id)
		if here >= 0 && there >= 0 {
			n.to[here] = other.to[there]
		}
	}
}
