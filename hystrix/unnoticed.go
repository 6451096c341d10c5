package hystrix

import "github.com/seed-f7c3343e/quill"

// hystrix-go judges when somebody looks: the next command, or a caller of IsOpen, by the
// settings of that moment. A circuit of quill judges each result by the settings of its own
// moment. Programs, their tests above all, configure a name anew in between and count on
// it. So an opening of which nobody has learned ends when new settings come that it would
// not have reached. What closes a circuit empties its window: nothing can be put back that
// was not counted twice then. New settings that a closed circuit reaches wait for the next
// result, since only results move a breaker.

// noticed notes that somebody learned that the circuit is open.
func (w *watch) noticed() { w.known.Store(true) }

// reconsider ends an opening that nobody knows of and that the new settings do not reach
// with what the window held when they came.
func (c *CircuitBreaker) reconsider(held quill.Health, now *quill.Settings) {
	if c.quill.State() != quill.Open || c.watch.known.Load() {
		return
	}
	if now.RollingCalls > 0 || now.SlowCallPercentThreshold > 0 || c.quill.Stats().Override != quill.NoOverride {
		return // hystrix-go knows none of these: quill's own rules hold
	}
	reached := held.Requests >= uint64(now.RequestVolumeThreshold) && //nolint:gosec // never negative
		float64(held.Errors)*100 >= now.ErrorPercentThreshold*float64(held.Requests)
	if reached {
		return
	}
	c.watch.undoing.Store(true)
	defer c.watch.undoing.Store(false)
	c.quill.Reset()
	c.observe() // the collectors and their statistics go on
}
