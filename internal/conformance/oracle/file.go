// Package oracle reads recordings of what Netflix Hystrix answered, scenario by scenario
// and step by step. It knows the format and nothing of quill. Reading is strict: a field,
// an operation or an observation that it does not know is an error that names the scenario
// and the step, because a recording that is half understood proves nothing.
package oracle

import "encoding/json"

// Format is the version of the format that this package reads.
const Format = 1

// File is one recording.
type File struct {
	Format         int
	Source         string
	Runs           int
	FlakyScenarios []string
	Scenarios      []*Scenario
}

// Scenario is a script and what was observed at each of its steps. It shares nothing with
// other scenarios.
type Scenario struct {
	ID, Area, Title, Note string
	Tags                  []string
	Flaky                 bool
	Lazy                  bool // nothing is built before a construct step
	Commands              map[string]Command
	Pools                 map[string]map[string]any
	Collapsers            map[string]Collapser
	Steps                 []*Step
}

// Command is a Hystrix command: its properties without their common prefix, and its pool
// ("" for one of its own).
type Command struct {
	Props map[string]any
	Pool  string
}

// Collapser is a Hystrix collapser.
type Collapser struct {
	Scope, BatchCommand string
	Props               map[string]any
}

// Body is what a run or a fallback does.
type Body struct {
	Do, Value, Message, Gate, Cmd string
	MS                            int
	Stubborn                      bool // deaf to interrupts
	Then, Run, Fallback           *Body
}

// Step is one operation of a script.
type Step struct {
	Op, Cmd, Pool, Collapser, Gate, Handle, Mode, Until, Label string
	CacheKey, Context, Prop                                    string
	Handles, Args, ContextOf, Omit, FailArgs                   []string
	Run, Fallback, Batch, BatchFallback                        *Body
	Times, MS, GapMS, SettleMS                                 int
	Interrupt, CacheByArg, MapFails, Counts, Flaky             bool
	ElapsedBand                                                []int
	Value                                                      any
	Observed                                                   json.RawMessage
	Variants                                                   []json.RawMessage // of a flaky step

	// Wants holds what was observed, read: one element, or those of a flaky step, any of
	// which will do. Empty if the step observes nothing.
	Wants []Observation `json:"-"`
}
