package hystrix

import "github.com/seed-f7c3343e/quill"

// hystrix-go judges when somebody looks: the next command, or a caller of IsOpen, by the
// settings of that moment. A circuit of quill judges each result by the settings of its own
// moment. Programs, their tests above all, configure a name anew in between and count on
// it. So new settings are put to what the window holds: they open a closed circuit, and
// close one if nobody has learned that it opened.

// noticed notes that somebody learned that the circuit is open.
func (w *watch) noticed() { w.known.Store(true) }

// reconsider judges what the window held when the settings changed by the new ones.
func (c *CircuitBreaker) reconsider(held quill.Health, now *quill.Settings) {
	if now.RollingCalls > 0 || now.SlowCallPercentThreshold > 0 || c.quill.Stats().Override != quill.NoOverride {
		return // hystrix-go knows none of these: quill's own rules hold
	}
	reached := held.Requests >= uint64(now.RequestVolumeThreshold) && //nolint:gosec // never negative
		held.Errors > 0 && float64(held.Errors)*100/float64(held.Requests) >= now.ErrorPercentThreshold
	switch c.quill.State() {
	case quill.Open:
		if !reached && !c.watch.known.Load() {
			c.undo(held)
		}
	case quill.Closed:
		if reached {
			c.quill.Report(byHand, errReported, 0) // only a result moves a breaker
			c.observe()
		}
	case quill.HalfOpen:
	}
}

// undo closes the circuit as if it had never opened: the statistics and the collectors go
// on, and so does the window, which a closing empties.
func (c *CircuitBreaker) undo(held quill.Health) {
	c.watch.undoing.Store(true)
	defer c.watch.undoing.Store(false)
	c.quill.Reset()
	c.observe()
	const most = 100_000 // results; of more, their share
	scale := max(1, held.Requests/most)
	for range (held.Requests - held.Errors) / scale { // successes first, or the errors might open it
		c.quill.Report(byHand, successError{errReported}, 0)
	}
	for range held.Errors / scale {
		c.quill.Report(byHand, errReported, 0)
	}
}
