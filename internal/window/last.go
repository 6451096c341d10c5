package window

// Last remembers the flags of the last n calls, however long ago they were. It is not safe
// for concurrent use: the caller's lock guards it.
type Last struct {
	size  int
	masks []uint8 // grows up to size, then is overwritten in a circle
	next  int     // where the oldest is, once there are size
	byBit [8]int
}

// NewLast returns a Last of n calls, at least one. It takes one byte a call, as they come.
func NewLast(n int) *Last {
	return &Last{size: max(n, 1)}
}

// Add remembers one call with up to eight flags, and forgets the oldest beyond the last n.
func (l *Last) Add(mask uint8) {
	if len(l.masks) < l.size {
		l.masks = append(l.masks, mask)
	} else {
		l.count(l.masks[l.next], -1)
		l.masks[l.next] = mask
		l.next = (l.next + 1) % l.size
	}
	l.count(mask, +1)
}

// Counts returns how many calls are remembered, at most n, and how many of them have each
// bit of the mask set.
func (l *Last) Counts() (calls int, byBit [8]int) {
	return len(l.masks), l.byBit
}

// Clear forgets all calls.
func (l *Last) Clear() {
	*l = Last{size: l.size, masks: l.masks[:0]}
}

// count adds n to the count of each bit that is set.
func (l *Last) count(mask uint8, n int) {
	for bit := range l.byBit {
		if mask>>bit&1 != 0 {
			l.byBit[bit] += n
		}
	}
}
