package oracle

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// check finds what makes a step unplayable whoever plays it. handles are the handles that
// were started so far, with their commands.
func (s *Scenario) check(step *Step, handles map[string]string) error {
	need, ok := needs[step.Op]
	if !ok {
		return fmt.Errorf("is not known: must be one of %s", strings.Join(slices.Sorted(maps.Keys(needs)), ", "))
	}
	for _, field := range need {
		if err := s.checkField(step, field); err != nil {
			return err
		}
	}
	for _, b := range []*Body{step.Run, step.Fallback, step.Batch, step.BatchFallback} {
		if err := s.checkBody(b); err != nil {
			return err
		}
	}
	if err := checkWords(step); err != nil {
		return err
	}
	if err := checkNumbers(step); err != nil {
		return err
	}
	if n := len(step.ElapsedBand); n != 0 && n != 2 {
		return fmt.Errorf("elapsedBand has %d numbers: must be 2", n)
	}
	return s.checkHandles(step, handles)
}

// needs says which fields an operation cannot do without.
var needs = map[string][]string{
	"await":         {"handles"},
	"bodies":        {"cmd"},
	"cacheClear":    {"cmd", "cacheKey"},
	"call":          {"cmd", "run"},
	"cancel":        {"handle"},
	"circuit":       {"cmd"},
	"collapse":      {"collapser"},
	"construct":     {"cmd"},
	"counters":      {"cmd"},
	"health":        {"cmd"},
	"notifications": {"cmd"},
	"pool":          {"pool"},
	"properties":    {"cmd"},
	"release":       {"gate"},
	"reuse":         {"cmd", "run"},
	"runOrder":      nil,
	"set":           {"prop", "value"},
	"start":         {"cmd", "run", "handles", "until"},
	"wait":          nil,
}

// looks reports whether something is observed by the operation. Without an observation it
// would agree with whatever happens.
func (step *Step) looks() bool {
	switch step.Op {
	case "cacheClear", "release", "set", "start", "wait":
		return false
	}
	return true
}

func checkNumbers(step *Step) error {
	for name, n := range map[string]int{
		"times": step.Times, "ms": step.MS, "gapMs": step.GapMS, "settleMs": step.SettleMS,
	} {
		if n < 0 {
			return fmt.Errorf("%s is %d: must not be negative", name, n)
		}
	}
	return nil
}

// lacks reports whether a step is without a field that it needs.
var lacks = map[string]func(step *Step) bool{
	"run":      func(step *Step) bool { return step.Run == nil },
	"handles":  func(step *Step) bool { return len(step.Handles) == 0 },
	"handle":   func(step *Step) bool { return step.Handle == "" },
	"gate":     func(step *Step) bool { return step.Gate == "" },
	"cacheKey": func(step *Step) bool { return step.CacheKey == "" },
	"prop":     func(step *Step) bool { return step.Prop == "" },
	"value":    func(step *Step) bool { return step.Value == nil },
	"until":    func(step *Step) bool { return step.Until == "" },
}

func (s *Scenario) checkField(step *Step, field string) error {
	var missing bool
	switch field {
	case "cmd":
		return s.checkCommand(step.Cmd)
	case "collapser":
		_, known := s.Collapsers[step.Collapser]
		missing = !known
	case "pool":
		missing = !s.hasPool(step.Pool)
	default:
		missing = lacks[field](step)
	}
	if missing {
		return fmt.Errorf("needs the field %s", field)
	}
	return nil
}

// checkWords holds the fields that take one of a few words.
func checkWords(step *Step) error {
	if step.Mode != "" {
		if err := oneOf("mode", step.Mode, "execute", "queue"); err != nil {
			return err
		}
	}
	if step.Until != "" {
		return oneOf("until", step.Until, "running", "fallback", "submitted")
	}
	return nil
}

func oneOf(field, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s is %q: must be one of %s", field, value, strings.Join(allowed, ", "))
}

func (s *Scenario) checkCommand(name string) error {
	if _, ok := s.Commands[name]; !ok {
		return fmt.Errorf("cmd is %q: the scenario has no such command", name)
	}
	return nil
}

// hasPool knows the pools that are declared and those that a command only names.
func (s *Scenario) hasPool(name string) bool {
	if _, ok := s.Pools[name]; ok {
		return true
	}
	for _, c := range s.Commands {
		if c.Pool == name && name != "" {
			return true
		}
	}
	return false
}

// bodies are what a body can do, and whether it waits.
var bodies = map[string]bool{
	"value": false, "fail": false, "badRequest": false, "sleep": true, "gate": true, "call": false,
	"notWrapped": false, "javaError": false, "stackOverflow": false, "unsupported": false,
}

func (s *Scenario) checkBody(b *Body) error {
	if b == nil {
		return nil
	}
	if _, ok := bodies[b.Do]; !ok {
		return fmt.Errorf("a body does %q: must be one of %s", b.Do, strings.Join(slices.Sorted(maps.Keys(bodies)), ", "))
	}
	if b.Do == "gate" && b.Gate == "" {
		return errors.New("a body waits at a gate without a name")
	}
	if b.Do == "call" {
		if err := s.checkCommand(b.Cmd); err != nil {
			return err
		}
		if b.Run == nil {
			return errors.New("a body calls a command without a run")
		}
	}
	for _, inner := range []*Body{b.Then, b.Run, b.Fallback} {
		if err := s.checkBody(inner); err != nil {
			return err
		}
	}
	return nil
}

// checkHandles holds handles to be started once, and before they are used.
func (s *Scenario) checkHandles(step *Step, handles map[string]string) error {
	used := step.Handles
	switch step.Op {
	case "start":
		for _, h := range step.Handles {
			if handles[h] != "" {
				return fmt.Errorf("the handle %q was started before", h)
			}
			handles[h] = step.Cmd
		}
		return nil
	case "cancel":
		used = []string{step.Handle}
	}
	for _, h := range used {
		if handles[h] == "" {
			return fmt.Errorf("the handle %q was not started", h)
		}
		if step.Cmd == "" {
			step.Cmd = handles[h] // whose circuit is read
		}
	}
	if step.Op == "set" && (step.Cmd == "") == (step.Pool == "") {
		return errors.New("needs either cmd or pool")
	}
	return nil
}
