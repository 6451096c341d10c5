package hystrix

import "github.com/seed-f7c3343e/quill"

// hystrix-go judges when somebody looks: the next command, or a caller of IsOpen, by the
// settings of that moment. A circuit of quill judges each result by the settings of its own
// moment. Programs, their tests above all, configure a name anew in between and count on
// it. So new settings judge what the window holds, and an opening of which nobody has learned
// is taken back when new settings come that it would not have reached.

// noticed notes that somebody learned that the circuit is open.
func (w *watch) noticed() { w.known.Store(true) }

// reconsider judges by new settings. held is what the window held when they came.
func (c *CircuitBreaker) reconsider(held quill.Health, now *quill.Settings) {
	switch c.quill.State() {
	case quill.Closed:
		c.quill.Judge()
		c.observe()
	case quill.Open:
		if !c.watch.known.Load() && undone(held, now) && c.quill.Stats().Override == quill.NoOverride {
			c.undo()
		}
	case quill.HalfOpen:
	}
}

// undone reports whether hystrix-go would see no opening. Of the last calls, and of slow
// ones, it knows nothing: quill's own rules hold.
func undone(held quill.Health, now *quill.Settings) bool {
	if now.RollingCalls > 0 || now.SlowCallPercentThreshold > 0 {
		return false
	}
	return held.Requests < uint64(now.RequestVolumeThreshold) || //nolint:gosec // never negative
		float64(held.Errors)*100 < now.ErrorPercentThreshold*float64(held.Requests)
}

// undo closes the circuit as if it had never opened: the collectors and their statistics go
// on.
func (c *CircuitBreaker) undo() {
	c.watch.undoing.Store(true)
	defer c.watch.undoing.Store(false)
	c.quill.TakeBack()
	c.observe()
}
