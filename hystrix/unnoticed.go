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
func (c *CircuitBreaker) reconsider(held sums, now *quill.Settings) {
	if now.RollingCalls > 0 || now.SlowCallPercentThreshold > 0 || c.quill.Stats().Override != quill.NoOverride {
		return // hystrix-go knows none of these: quill's own rules hold
	}
	switch reached := held.reach(now); c.quill.State() {
	case quill.Open:
		if !reached && !c.watch.known.Load() {
			c.undo()
		}
	case quill.Closed:
		if reached {
			c.open(now.RequestVolumeThreshold)
		}
	case quill.HalfOpen:
	}
}

// reach reports whether these counts open a circuit. Commands that say nothing of the
// dependency are left out, as in quill.
func (s *sums) reach(now *quill.Settings) bool {
	errs := s.kinds[failure] + s.kinds[timeout]
	if !now.IgnoreRejected {
		errs += s.kinds[rejected]
	}
	requests := errs + s.kinds[success]
	return requests > 0 && uint64(requests) >= uint64(now.RequestVolumeThreshold) && //nolint:gosec // never negative
		float64(errs)*100/float64(requests) >= now.ErrorPercentThreshold
}

// undo closes the circuit as if it had never opened: the statistics and the collectors go on.
func (c *CircuitBreaker) undo() {
	c.watch.undoing.Store(true)
	defer c.watch.undoing.Store(false)
	c.quill.Reset()
	c.observe()
}

// open opens the circuit, by as many errors as it takes: quill's window may have begun
// after the one of the statistics, and only a result moves a breaker.
func (c *CircuitBreaker) open(most int) {
	for range most {
		c.quill.Report(byHand, errReported, 0)
		if c.quill.State() != quill.Closed {
			break
		}
	}
	c.observe()
}
