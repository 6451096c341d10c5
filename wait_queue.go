package quill

// waiter is one place in the queue.
type waiter struct {
	granted    chan struct{} // closed when the slot is the waiter's
	prev, next *waiter
	linked     bool
}

// waitQueue is first in, first out; a waiter that gives up leaves from the middle.
type waitQueue struct {
	first, last *waiter
	length      int
}

func (q *waitQueue) push(w *waiter) {
	w.linked, w.prev = true, q.last
	if q.last != nil {
		q.last.next = w
	} else {
		q.first = w
	}
	q.last = w
	q.length++
}

func (q *waitQueue) pop() *waiter {
	w := q.first
	q.remove(w)
	return w
}

func (q *waitQueue) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	w.prev, w.next, w.linked = nil, nil, false
	q.length--
}
