package difftest

import "time"

const noEvidence = "commands that say nothing of the dependency are no evidence"

// judgement is what either library must think of the circuit, by hystrix-go's rules and by
// the mends. Where the two part, a program has come to a mend, and says nothing from there on.
type judgement struct {
	config             config
	requests, errors   int // hystrix-go: every command, every error
	evidence, failures int // ours: without commands that say nothing of the dependency
	open               bool
	noticed            bool      // whether the program has learned so
	opened             time.Time // when it did at the earliest, or when its probe failed
	slept              bool      // since then
	takenBack          bool      // an opening was
}

func reaches(errors, requests int, c config) bool {
	if c.volume < 0 || requests < c.volume {
		return false
	}
	percent := float64(errors) / float64(max(requests, 1)) * 100
	return int(percent+0.5) >= c.percent
}

// tooSlow reports whether so much time has passed that a sleep window may be over.
func (j *judgement) tooSlow() bool {
	return j.open && !j.slept && j.config.sleep == int(shortSleep.Milliseconds()) && time.Since(j.opened) > hasty
}

// mend names the mend at which the two part after these events, "" if they agree.
func (j *judgement) mend(s step, began time.Time, events []event) string {
	if s.what == "sleep" {
		j.slept = true
	}
	for _, e := range events {
		if j.open {
			switch {
			case e.successes > 0: // a probe, or a report by hand
				j.open = false
				j.requests, j.errors, j.evidence, j.failures = 1, 0, 1, 0
			case e.shortCircuits == 0:
				j.opened, j.slept = began, false // a probe failed
				if e.canceled+e.deadline > 0 || e.errors == 0 {
					return "a probe that says nothing gives its place back"
				}
			}
			continue
		}
		j.requests++
		if e.errors > 0 {
			j.errors++
		}
		if e.canceled+e.deadline == 0 && e.errors+e.successes > 0 {
			j.evidence++
			if e.errors > 0 {
				j.failures++
			}
		}
	}
	if s.what == "configure" || s.what == "write" {
		j.config.volume, j.config.percent = s.config.volume, s.config.percent
	}
	known := j.noticed
	j.noticed = j.open && (known || !s.blind || len(events) > 0) // who is refused knows
	if j.open {
		return j.unnoticed(known)
	}
	theirs := reaches(j.errors, j.requests, j.config)
	if theirs != j.reachesOurs() {
		return noEvidence
	}
	if theirs {
		j.open, j.opened, j.slept = true, began, false
		j.noticed = !s.blind
	}
	return ""
}

func (j *judgement) reachesOurs() bool {
	return j.failures > 0 && reaches(j.failures, j.evidence, j.config)
}

// unnoticed is for an opening that was unknown until this step. If its settings have come to
// be others, which it does not reach, both go on as if it had not been.
func (j *judgement) unnoticed(known bool) string {
	theirs := reaches(j.errors, j.requests, j.config)
	switch {
	case known:
		return ""
	case theirs != j.reachesOurs():
		return noEvidence
	case !theirs:
		j.open, j.noticed, j.takenBack = false, false, true
	}
	return ""
}
