//go:build explore

package explore

import "fmt"

// Scenario is what a test sets up for one execution: goroutines, and what must hold.
type Scenario struct{ x *execution }

// Apart makes s fit to set things up that are not explored.
func (s *Scenario) Apart() *Scenario {
	s.x = &execution{owners: map[any]uint64{}}
	return s
}

// Go adds a goroutine of that name.
func (s *Scenario) Go(name string, f func()) { s.x.spawn(name, nil, 0, f) }

// Always adds a check that is made between any two steps of each execution. It must only look, or
// note down what it sees.
func (s *Scenario) Always(check func() error) { s.x.always = append(s.x.always, check) }

// Finally adds a check of the end, when all goroutines have returned.
func (s *Scenario) Finally(check func() error) { s.x.finally = append(s.x.finally, check) }

// Value tells the explorer what the shared object of that name holds, as a hash: everything
// that a goroutine can read behind a point of that name. With it, schedules that lead to the
// same value are told apart no more; without it, the order of accesses stands for the value.
// The hash must have no memory: it is not asked for after each step.
func (s *Scenario) Value(object string, hash func() uint64) {
	o := s.x.object(object)
	o.value, o.still = hash, false
}

// Still says that nobody writes the shared object of that name in this scenario, unless a
// later Value says otherwise: reading it is no step, which spares many schedules.
func (s *Scenario) Still(object string) { s.x.object(object).still = true }

// Owner is the name of something made on the way, such as a place in a queue, for use in a
// Value: the same in each schedule in which the same goroutine made it as its nth. The
// explorer must be shown it in the first Value after it was made.
func (s *Scenario) Owner(made any) uint64 { return s.x.owner(made) }

// Failf says that something does not hold that must.
func (s *Scenario) Failf(format string, args ...any) { s.x.fail(fmt.Errorf(format, args...)) }
