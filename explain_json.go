package quill

import (
	"encoding/json"
	"time"
)

// The JSON of an explanation: the same names, durations as text, what is empty left out.

type explanationJSON struct {
	Command        string         `json:"command"`
	State          State          `json:"state"`
	Since          time.Time      `json:"since,omitzero"`
	At             time.Time      `json:"at"`
	Override       Override       `json:"override,omitzero"`
	OverrideReason string         `json:"overrideReason,omitzero"`
	OverrideLeft   durationJSON   `json:"overrideLeft,omitzero"`
	NextProbe      time.Time      `json:"nextProbe,omitzero"`
	Rule           string         `json:"rule"`
	Line           string         `json:"line"`
	Health         Health         `json:"health"`
	Window         Counts         `json:"window"`
	Errors         []ErrorSample  `json:"errors,omitempty"`
	Slowest        []slowCallJSON `json:"slowest,omitempty"`
	Transitions    []Evidence     `json:"transitions,omitempty"`
}

type evidenceJSON struct {
	From      State          `json:"from"`
	To        State          `json:"to"`
	Override  Override       `json:"override,omitzero"`
	Reason    string         `json:"reason"`
	At        time.Time      `json:"at"`
	NextProbe time.Time      `json:"nextProbe,omitzero"`
	Rule      string         `json:"rule"`
	Health    Health         `json:"health"`
	Window    Counts         `json:"window"`
	Settings  Settings       `json:"settings"`
	Errors    []ErrorSample  `json:"errors,omitempty"`
	Slowest   []slowCallJSON `json:"slowest,omitempty"`
}

type slowCallJSON struct {
	Duration durationJSON `json:"duration"`
	Outcome  Outcome      `json:"outcome"`
	At       time.Time    `json:"at"`
}

type durationJSON time.Duration

func (d durationJSON) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// MarshalJSON writes the explanation, with [Explanation.Line] as "line".
func (e Explanation) MarshalJSON() ([]byte, error) {
	return json.Marshal(explanationJSON{
		Command: e.Command, State: e.State, Since: e.Since, At: e.At,
		Override: e.Override, OverrideReason: e.OverrideReason, OverrideLeft: durationJSON(e.OverrideLeft),
		NextProbe: e.NextProbe, Rule: e.Rule, Line: e.Line(), Health: e.Health, Window: e.Window,
		Errors: e.Errors, Slowest: slowCallsJSON(e.Slowest), Transitions: e.Transitions,
	})
}

// MarshalJSON writes the transition and its evidence as one object.
func (e Evidence) MarshalJSON() ([]byte, error) {
	return json.Marshal(evidenceJSON{
		From: e.From, To: e.To, Override: e.Override, Reason: e.Reason, At: e.At,
		NextProbe: e.NextProbe, Rule: e.Rule, Health: e.Health, Window: e.Window,
		Settings: e.Settings, Errors: e.Errors, Slowest: slowCallsJSON(e.Slowest),
	})
}

// MarshalJSON writes the duration as text.
func (s SlowCall) MarshalJSON() ([]byte, error) {
	return json.Marshal(slowCallJSON{durationJSON(s.Duration), s.Outcome, s.At})
}

func slowCallsJSON(calls []SlowCall) []slowCallJSON {
	var all []slowCallJSON
	for _, s := range calls {
		all = append(all, slowCallJSON{durationJSON(s.Duration), s.Outcome, s.At})
	}
	return all
}
