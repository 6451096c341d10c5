package measure

import (
	"slices"
	"time"
)

// Arrivals are calls that arrive on schedule, whether or not the one before has ended: a
// call that keeps the caller is charged to those that wait behind it. The pacer spins until
// a call is due, since no timer is as exact as what is measured.
type Arrivals struct {
	Late []float64 // from the schedule to the answer, in nanoseconds
	Own  []float64 // from the schedule to the call: the pacer's own part

	Wrong int // calls that answered what they should not: one that is refused is quick
}

// Paced makes n calls, one each interval.
func (s *Subject) Paced(n int, interval time.Duration) Arrivals {
	ctx, cancel := s.Case.Context()
	defer cancel()
	a := Arrivals{Late: make([]float64, n), Own: make([]float64, n)}
	born := time.Now()
	first := time.Since(born) + interval
	for i := range n {
		due := first + time.Duration(i)*interval
		now := time.Since(born)
		for now < due {
			now = time.Since(born)
		}
		if v, err := s.Call(ctx, 0); v != s.Case.Want(0) || err != nil {
			a.Wrong++
		}
		a.Late[i], a.Own[i] = float64(time.Since(born)-due), float64(now-due)
	}
	slices.Sort(a.Late)
	slices.Sort(a.Own)
	return a
}
