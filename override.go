package quill

import (
	"fmt"
	"time"
)

// Override overrules the breaker: ForceOpen, ForceClosed or Disabled, for ttl (0: until it is
// changed), with a reason that Stats, OnTransition and the errors
// of refused calls show. NoOverride ends the override that an earlier call set; one that
// stands in Settings goes on. The breaker's own state is left as it is. It returns an
// error, and changes nothing, if o is not one of these, ttl is negative, or the reason is
// longer than 1,000 bytes.
func (c *Circuit) Override(o Override, ttl time.Duration, reason string) error {
	const longest = 1000
	switch {
	case o > Disabled:
		return fmt.Errorf("quill: override of %q is %d: must be none, forced-open, forced-closed or disabled", c.name, o)
	case ttl < 0:
		return fmt.Errorf("quill: override of %q: time to live is %s: must be 0 (until changed) or more", c.name, ttl)
	case len(reason) > longest:
		return fmt.Errorf("quill: override of %q: the reason has %d bytes: must be at most %d", c.name, len(reason), longest)
	}
	now := c.now()
	g := &c.gate
	c.lockGate()
	defer c.unlockGate()
	if o == NoOverride && g.override.kind == NoOverride {
		return nil
	}
	disabled := g.override.kind == Disabled || c.inForceLocked(now) == Disabled
	why := "forced open" + suffix(": ", reason)
	g.override = override{kind: o, reason: reason, why: &why}
	if ttl > 0 && o != NoOverride {
		g.override.until = addSaturating(now, ttl)
	}
	if disabled && c.inForceLocked(now) != Disabled {
		c.forgetLocked(c.config.Load())
	}
	c.publishLocked(true)
	c.announceLocked(now, g.machine.state, c.healthLocked(now), overrideText(o, reason, ttl))
	return nil
}

func overrideText(o Override, reason string, ttl time.Duration) string {
	text := "override " + o.String()
	if o == NoOverride {
		text = "the override was ended"
	}
	if ttl > 0 && o != NoOverride {
		text += " for " + short(ttl)
	}
	return text + suffix(": ", reason)
}
