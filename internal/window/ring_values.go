//go:build explore

package window

import "github.com/seed-f7c3343e/quill/internal/explore"

// Next is what a goroutine of the explorer can read behind the point "ring.next".
func (r *Ring) Next() uint64 { return uint64(r.next.Load()) } //nolint:gosec // any number will do

// View is what it can read behind "ring.view" and "ring.mu": from where each bucket counts. (The
// durations decide nothing.)
func (r *Ring) View() uint64 {
	v := r.view.Load()
	h := explore.Hash(uint64(v.start), uint64(len(v.marks))) //nolint:gosec // any number will do
	for _, m := range v.marks {
		sums := m.sums()
		h = explore.Hash(append([]uint64{h}, sums[:]...)...)
	}
	return h
}
