package hystrix

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// model is one scenario's commands, pools, gates and calls, and the time. Nothing in it
// runs beside anything else: what is to happen later is an event.
type model struct {
	scenario *oracle.Scenario
	ways     map[Way]bool
	commands map[string]*command
	pools    map[string]*pool
	calls    map[string]*call // by handle
	gates    map[string]*gate
	order    []string // labels and handles, as their runs were entered

	now    int // ms since the scenario began
	events []*event
}

// event is something that happens at its time, unless it is called off.
type event struct {
	at  int
	do  func()
	off bool
}

// patience is how long the model waits for the end of a call.
const patience = 10 * 60 * 1000

// Predict returns what is observed at each step: one observation, or a few if Hystrix's own
// answer is not known exactly.
func Predict(s *oracle.Scenario, ways []Way) ([][]oracle.Observation, error) {
	m := &model{
		scenario: s, ways: map[Way]bool{}, commands: map[string]*command{}, pools: map[string]*pool{},
		calls: map[string]*call{}, gates: map[string]*gate{},
	}
	for _, w := range ways {
		m.ways[w] = true
	}
	for _, name := range slices.Sorted(maps.Keys(s.Commands)) {
		if err := m.addCommand(name); err != nil {
			return nil, err
		}
	}
	var all [][]oracle.Observation
	for _, step := range s.Steps {
		seen, err := m.step(step)
		if err != nil {
			return nil, err
		}
		all = append(all, seen)
	}
	return all, nil
}

func (m *model) addCommand(name string) error {
	c := &command{name: name, model: m, props: DefaultCommandProps()}
	if err := c.props.SetAll(m.scenario.Commands[name].Props); err != nil {
		return fmt.Errorf("command %q: %w", name, err)
	}
	m.fillIn(&c.props)
	c.breaker = breaker{command: c, status: closed, opened: never}
	c.nextTick = c.props.Snapshot / 2
	m.commands[name] = c
	shared := m.scenario.Commands[name].Pool
	if shared == "" {
		c.pool = &pool{model: m, props: DefaultPoolProps()}
		return nil
	}
	if m.pools[shared] == nil {
		m.pools[shared] = &pool{model: m, props: DefaultPoolProps()}
		if err := m.pools[shared].props.SetAll(m.scenario.Pools[shared]); err != nil {
			return fmt.Errorf("pool %q: %w", shared, err)
		}
	}
	c.pool = m.pools[shared]
	return nil
}

func (m *model) does(w Way) bool { return m.ways[w] }

// at has something happen at a time.
func (m *model) at(at int, do func()) *event {
	e := &event{at: at, do: do}
	m.events = append(m.events, e)
	return e
}

// advance lets time pass until over, or to the limit. At one moment, what was planned
// first happens first, and the breakers look at their health last.
func (m *model) advance(limit int, over func() bool) {
	for !over() {
		e := m.next()
		c := m.ticking()
		switch {
		case e != nil && e.at <= limit && (c == nil || e.at <= c.nextTick):
			m.now = max(m.now, e.at)
			e.off = true
			e.do()
		case c != nil && c.nextTick <= limit:
			m.now = max(m.now, c.nextTick)
			c.nextTick += c.props.Snapshot
			c.breaker.tick()
		default:
			m.now = max(m.now, limit)
			return
		}
	}
}

// next is the first event that is not called off.
func (m *model) next() *event {
	m.events = slices.DeleteFunc(m.events, func(e *event) bool { return e.off })
	var first *event
	for _, e := range m.events {
		if first == nil || e.at < first.at {
			first = e
		}
	}
	return first
}

// ticking is the command whose health is looked at next.
func (m *model) ticking() *command {
	var first *command
	for _, name := range slices.Sorted(maps.Keys(m.commands)) {
		c := m.commands[name]
		if c.props.Snapshot > 0 && (first == nil || c.nextTick < first.nextTick) {
			first = c
		}
	}
	return first
}

func (m *model) pause(ms int) { m.advance(m.now+ms, func() bool { return false }) }

// step plays a step and returns what is observed at it.
func (m *model) step(s *oracle.Step) ([]oracle.Observation, error) {
	o := oracle.Observation{}
	switch s.Op {
	case "call":
		m.callStep(s, o)
	case "reuse":
		return m.reuse(s), nil
	case "start":
		m.start(s, o)
	case "await":
		m.await(s, o)
	case "cancel":
		m.cancelStep(s, o)
	case "release":
		m.gate(s.Gate).release()
	case "wait":
		m.pause(s.MS)
	case "set":
		return []oracle.Observation{o}, m.set(s)
	default:
		if err := m.look(s, o); err != nil {
			return nil, err
		}
	}
	return []oracle.Observation{o}, nil
}

func (m *model) set(s *oracle.Step) error {
	if s.Pool != "" {
		err := m.pools[s.Pool].props.Set(s.Prop, s.Value)
		if !m.does(TwoPoolSizes) {
			m.pools[s.Pool].grow()
		}
		return err
	}
	p := &m.commands[s.Cmd].props
	err := p.Set(s.Prop, s.Value)
	m.fillIn(p)
	return err
}

// fillIn takes 0 for the default where quill does.
func (m *model) fillIn(p *CommandProps) {
	usual := DefaultCommandProps()
	if p.Timeout == 0 && !m.does(ZeroIsZero) {
		p.Timeout = usual.Timeout
	}
	if p.ErrorPct == 0 && !m.does(ZeroIsZero) {
		p.ErrorPct = usual.ErrorPct
	}
}

func (m *model) callStep(s *oracle.Step, o oracle.Observation) {
	var results []oracle.Result
	for i := range max(1, s.Times) {
		if i > 0 {
			m.pause(s.GapMS)
		}
		k := m.newCall(s.Cmd, s.Run, s.Fallback, s.Label)
		k.execute()
		results = append(results, m.resultOf(k, s.ElapsedBand))
	}
	m.settle(s, o)
	oracle.PutResults(o, results)
}

// settle waits as long as the step says and reads the circuit.
func (m *model) settle(s *oracle.Step, o oracle.Observation) {
	m.pause(s.SettleMS)
	m.commands[s.Cmd].breaker.put(o)
}

// resultOf waits for the caller's result.
func (m *model) resultOf(k *call, band []int) oracle.Result {
	m.advance(m.now+patience, func() bool { return k.returned })
	if !k.returned {
		return oracle.Result{Outcome: "nothing"}
	}
	r := k.result()
	if len(band) == 2 {
		took := k.returnedAt - k.began
		in := band[0] <= took && took <= band[1]
		r.InElapsedBand = &in
	}
	return r
}

func (m *model) start(s *oracle.Step, o oracle.Observation) {
	for _, h := range s.Handles {
		k := m.newCall(s.Cmd, s.Run, s.Fallback, h)
		m.calls[h] = k
		k.execute()
		var there func() bool
		switch s.Until {
		case "running":
			there = func() bool { return k.runEntered }
		case "fallback":
			there = func() bool { return k.fallbackEntered }
		default:
			continue
		}
		m.advance(m.now+60_000, func() bool { return there() || k.returned })
		o["start of "+h] = s.Until
		if !there() {
			o["start of "+h] = "not " + s.Until
		}
	}
	if s.Until == "submitted" {
		m.pause(100)
	}
}

func (m *model) await(s *oracle.Step, o oracle.Observation) {
	for _, h := range s.Handles {
		r := m.resultOf(m.calls[h], s.ElapsedBand)
		oracle.PutResult(o, h, &r)
	}
	m.settle(s, o)
}

func (m *model) cancelStep(s *oracle.Step, o oracle.Observation) {
	k := m.calls[s.Handle]
	o["returned"] = strconv.FormatBool(!k.returned)
	if !k.returned {
		k.cancel(s.Interrupt)
	}
	m.settle(s, o)
}
