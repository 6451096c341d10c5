package quillhttp

import (
	"container/list"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// hosts holds the circuits that a Transport made. The Registry is the truth about names:
// it is asked first each time, so that circuits of other makers are found, and one of ours
// that somebody removed is not used any more.
type hosts struct {
	Hosts // defaults filled in

	opts []quill.Option
	born time.Time

	mu     sync.Mutex
	byName map[string]*host
	used   *list.List // of *host, the most recently used in front: in order of their last
	kept   *list.List // of *host, not used since one of evictLocked's looks found that they must stay
}

// host is one circuit made for a name. Its fields are guarded by hosts.mu.
type host struct {
	name    string
	circuit *quill.Circuit
	made    quill.Settings // as they stood when it was made
	in      *list.List     // hosts.used or hosts.kept, nil if it was dropped
	place   *list.Element  // in that
	calls   int            // under way
	last    time.Duration  // when it was last used
}

func newHosts(h Hosts) *hosts {
	h = h.withDefaults()
	semaphores := h
	semaphores.Settings.Isolation = quill.Semaphore
	if semaphores.Validate() == nil { // else a bulkhead is shared, and says itself what it is
		h = semaphores
	}
	return &hosts{
		Hosts: h, opts: h.options(), born: time.Now(), byName: map[string]*host{}, used: list.New(), kept: list.New(),
	}
}

// enter finds or makes the circuit for name. The host is nil if the circuit is not ours to
// evict; else leave must follow when the call is over.
func (h *hosts) enter(name string) (*host, *quill.Circuit, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, ok := h.Registry.Lookup(name)
	o := h.byName[name]
	if o != nil && o.circuit != found { // removed or replaced by somebody else
		h.dropLocked(o)
		o = nil
	}
	if o == nil && ok {
		return nil, found, nil
	}
	if o == nil {
		o = h.makeLocked(name)
	}
	if o == nil {
		c, err := h.circuit(OtherHosts)
		return nil, c, err
	}
	h.useLocked(o, 1)
	return o, o.circuit, nil
}

// makeLocked makes the circuit for name, or returns nil if it is to have none of its own.
func (h *hosts) makeLocked(name string) *host {
	if len(h.byName) >= h.MaxHosts && !h.evictLocked() {
		return nil
	}
	c, err := h.circuit(name)
	if err != nil {
		return nil // the options were validated: it is the name that is not fit
	}
	o := &host{name: name, circuit: c, made: c.Settings(), in: h.used}
	o.place = h.used.PushFront(o)
	h.byName[name] = o
	return o
}

// circuit is the circuit of that name, made if need be. Circuits that exist are taken as
// they are; a second try finds one that another Transport made meanwhile.
func (h *hosts) circuit(name string) (*quill.Circuit, error) {
	if c, ok := h.Registry.Lookup(name); ok {
		return c, nil
	}
	c, err := h.Registry.Circuit(name, h.opts...)
	if err != nil {
		if other, ok := h.Registry.Lookup(name); ok {
			return other, nil
		}
	}
	return c, err
}

// leave says that a call on o is over.
func (h *hosts) leave(o *host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.useLocked(o, -1)
}

func (h *hosts) useLocked(o *host, calls int) {
	o.calls += calls
	o.last = time.Since(h.born)
	if o.in != nil {
		o.toFront(h.used)
	}
}

// toFront moves o to the front of l.
func (o *host) toFront(l *list.List) {
	if o.in == l {
		l.MoveToFront(o.place)
		return
	}
	o.in.Remove(o.place)
	o.in, o.place = l, l.PushFront(o)
}

func (h *hosts) dropLocked(o *host) {
	delete(h.byName, o.name)
	o.in.Remove(o.place)
	o.in = nil
}

// evictLocked makes room for one circuit if it can. It looks at a few candidates only. Those
// that must stay are kept apart, so that the next look meets others and those in used are in
// order; it looks at these again, each in its turn, when no other is idle.
func (h *hosts) evictLocked() bool {
	const looks = 16
	now := time.Since(h.born)
	left := looks
	for ; left > 0 && h.used.Len() > 0; left-- {
		o := h.used.Back().Value.(*host) //nolint:forcetypeassert // holds nothing else
		if now-o.last < h.IdleAfter {
			break // as are all that were used later
		}
		if h.tryLocked(o) {
			return true
		}
	}
	for range min(left, h.kept.Len()) {
		if h.tryLocked(h.kept.Back().Value.(*host)) { //nolint:forcetypeassert // likewise
			return true
		}
	}
	return false
}

// tryLocked evicts o, which is idle, or keeps it apart if it must stay.
func (h *hosts) tryLocked(o *host) bool {
	if o.calls > 0 || !expendable(o) {
		o.toFront(h.kept)
		return false
	}
	h.Registry.Remove(o.name)
	h.dropLocked(o)
	return true
}

// expendable reports whether nothing of worth goes with the circuit of o.
func expendable(o *host) bool {
	if o.circuit.State() != quill.Closed || o.circuit.Settings() != o.made {
		return false
	}
	s := o.circuit.Stats() // last: it costs most
	return s.Override == quill.NoOverride && s.InFlight == 0 && s.Queued == 0
}
