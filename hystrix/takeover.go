package hystrix

// Settings can also be put in force behind the back of this package: through the circuit, its
// registry, a dashboard. The circuit goes by them at once. The command takes them over before
// anybody asks for its settings or changes them; so the last who configures has its way, whoever
// that is, and nobody is told what is not in force.

// replace is how a program changes the settings: the function does, and the circuit adopts them.
func (c *command) replace(settings func()) {
	c.replaceOnly(settings)
	if circuit := c.circuit.Load(); circuit != nil {
		circuit.adopt()
	}
}

func (c *command) replaceOnly(settings func()) {
	c.changing.Lock()
	defer c.changing.Unlock()
	if circuit := c.circuit.Load(); circuit != nil {
		circuit.takeOverLocked()
	}
	settings()
}

// takeOver makes what is in force the settings of the command. Usually it is.
func (c *command) takeOver() {
	circuit := c.circuit.Load()
	if circuit == nil || circuit.quill.Settings() == circuit.adopted.Load().result {
		return
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	circuit.takeOverLocked()
}

// takeOverLocked is takeOver for the command whose circuit this is; others have been flushed.
// What the program has changed meanwhile is not taken back: it could write to its Settings.
func (c *CircuitBreaker) takeOverLocked() {
	cmd, a, is := c.command, c.adopted.Load(), c.quill.Settings()
	if is == a.result || cmd.circuit.Load() != c || cmd.extra.Load() != a.extra {
		return
	}
	settings, extra := divided(is)
	if *cmd.current() != a.settings {
		extra.ErrorPercentThreshold = 0
		cmd.extra.Store(extra)
		return // and the circuit adopts both
	}
	cmd.settings.Store(settings)
	cmd.extra.Store(extra)
	c.adopted.Store(&adopted{*settings, extra, is})
	c.tally.init(is.RollingWindow)
}
