package quill

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// mostPending is how many notifications of a circuit may wait for a slow hook.
const mostPending = 1024

// notifier delivers transitions to hooks in order, one at a time, on a goroutine that lives
// only while there is something to deliver. Calls never wait for it.
type notifier struct {
	panic  func(*PanicError) // a hook panicked
	atWork *atomic.Int32     // one more while there is something to deliver

	mu         sync.Mutex
	pending    []notice
	current    notice // what is being told
	at         int    // to which hook next
	delivering bool
	dropped    uint64
}

// notice is a transition, and the hooks that the circuit had then.
type notice struct {
	Transition

	hooks []Hooks
}

// notifyLocked has hooks told of t, if there are any that want to be.
func (c *Circuit) notifyLocked(t Transition) {
	hooks := c.config.Load().hooks
	if hooks == nil || !slices.ContainsFunc(*hooks, func(h Hooks) bool { return h.OnTransition != nil }) {
		return
	}
	if c.notifier == nil {
		c.notifier = &notifier{panic: c.hookPanic, atWork: &c.meters.background}
	}
	c.notifier.add(notice{t, *hooks})
}

// add queues t. When the queue is full the youngest one waiting gives way, so that the
// last state is always told.
func (n *notifier) add(t notice) {
	explore.Write("pending")
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.pending) >= mostPending {
		n.pending[len(n.pending)-1] = t
		n.dropped++
		return
	}
	n.pending = append(n.pending, t)
	if !n.delivering {
		n.delivering = true
		n.atWork.Add(1)
		if explore.On {
			explore.Go(n.deliver)
		} else {
			go n.deliver()
		}
	}
}

// deliver runs until nothing is pending. A hook that panics or ends the goroutine loses
// that one call; all others are made, after an ended goroutine on a new one.
func (n *notifier) deliver() {
	done := false
	defer func() {
		if !done {
			n.panic(nil)
			go n.deliver()
		}
	}()
	for {
		f, t, ok := n.next()
		if !ok {
			done = true
			return
		}
		n.call(f, t)
	}
}

// next gives the hook to call now and what to tell it.
func (n *notifier) next() (f func(Transition), t Transition, ok bool) {
	explore.Write("pending")
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		for n.at < len(n.current.hooks) {
			f = n.current.hooks[n.at].OnTransition
			n.at++
			if f != nil {
				return f, n.current.Transition, true
			}
		}
		if len(n.pending) == 0 {
			n.pending, n.current, n.delivering = nil, notice{}, false
			n.atWork.Add(-1)
			return nil, Transition{}, false
		}
		n.current, n.at = n.pending[0], 0
		n.pending = n.pending[1:]
	}
}

func (n *notifier) call(f func(Transition), t Transition) {
	defer func() {
		if v := recover(); v != nil {
			n.panic(newPanicError(t.Command, v))
		}
	}()
	f(t)
}

// droppedSoFar is how many were never told; a nil notifier has dropped none.
func (n *notifier) droppedSoFar() uint64 {
	if n == nil {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dropped
}
