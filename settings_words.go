package quill

import "strconv"

// InWords returns what s makes a circuit do, defaults filled in, as English sentences for
// people: first of the breaker, then of its recovery, of the bulkhead, of the timeout and
// of the fallbacks. The wording may change between versions.
func (s Settings) InWords() []string {
	s = s.WithDefaults()
	sentences := make([]string, 0, 8)
	if s.Override != NoOverride {
		sentences = append(sentences, s.describeOverride())
	}
	sentences = append(sentences, "The circuit "+s.describeTrip()+".")
	if s.IgnoreRejected {
		sentences = append(sentences, "Calls that the bulkhead rejects do not count.")
	}
	sentences = append(sentences,
		s.describeSleep(), s.describeProbes(), s.describeBulkhead(), s.describeTimeout(), s.describeFallbacks())
	return sentences
}

// describeTrip says when the breaker opens, such as "opens when at least 50 % of the calls
// of the last 10s failed, once there were at least 20". It expects defaults filled in.
func (s Settings) describeTrip() string {
	window := "of the calls of the last " + durationText(s.RollingWindow)
	if s.RollingCalls > 0 {
		window = "of the last " + count(s.RollingCalls, "call")
	}
	text := "opens when at least " + percent(s.ErrorPercentThreshold) + " " + window + " failed"
	if s.SlowCallDuration > 0 {
		text += ", or at least " + percent(s.SlowCallPercentThreshold) +
			" took " + durationText(s.SlowCallDuration) + " or longer"
	}
	return text + ", once there were at least " + strconv.Itoa(s.RequestVolumeThreshold)
}

func (s Settings) describeOverride() string {
	switch s.Override {
	case ForceOpen:
		return "The circuit is forced open: it refuses every call."
	case ForceClosed:
		return "The circuit is forced closed: it admits every call, and its breaker judges unheard."
	default:
		return "The breaker is disabled: the circuit admits every call."
	}
}

func (s Settings) describeSleep() string {
	text := "Once open, it refuses every call for " + durationText(s.SleepWindow)
	if s.SleepWindowJitter > 0 {
		text += " and a random share of up to " + percent(s.SleepWindowJitter) + " more"
	}
	if s.MaxSleepWindow > s.SleepWindow {
		text += "; each time the probing fails, that doubles, up to " + durationText(s.MaxSleepWindow)
	}
	return text + "."
}

func (s Settings) describeProbes() string {
	lease := " A probe that is out for " + durationText(s.ProbeLease) + " gives its place to another."
	if s.Probes == 1 {
		return "Then it lets one call through as a probe: it closes if that succeeds and stays open if not." + lease
	}
	return "Then it lets " + count(s.Probes, "call") + " through as probes: it closes when " +
		strconv.Itoa(s.Probes) + " have succeeded and stays open if one fails." + lease
}

func (s Settings) describeBulkhead() string {
	place := "on the goroutine of their caller"
	if s.Isolation == Pool {
		place = "on workers of the circuit"
	}
	if s.MaxConcurrent == Unlimited {
		return "Any number of calls run at once, " + place + "."
	}
	text := "At most " + count(s.MaxConcurrent, "call") + " run" + singular(s.MaxConcurrent) + " at once, " + place
	if s.QueueSize == 0 {
		return text + "; the next is rejected at once."
	}
	return text + "; " + strconv.Itoa(s.QueueSize) + " more may wait for their turn, the next is rejected at once."
}

func (s Settings) describeTimeout() string {
	if s.Timeout == NoTimeout {
		return "A call may take as long as its caller's context lets it."
	}
	text := "A call may take " + durationText(s.Timeout)
	if s.QueueSize > 0 {
		text += ", its wait included"
	}
	return text + "."
}

func (s Settings) describeFallbacks() string {
	text := "Any number of fallbacks run at once; "
	if s.MaxConcurrentFallbacks != Unlimited {
		text = "At most " + count(s.MaxConcurrentFallbacks, "fallback") + " run" +
			singular(s.MaxConcurrentFallbacks) + " at once; "
	}
	if s.FallbackTimeout == NoTimeout {
		return text + "each step may take as long as its caller's context lets it."
	}
	return text + "each step may take " + durationText(s.FallbackTimeout) + "."
}

// singular is the ending of a verb whose subject are n things.
func singular(n int) string {
	if n == 1 {
		return "s"
	}
	return ""
}
