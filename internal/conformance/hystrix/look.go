package hystrix

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// look reads what a step asks for.
func (m *model) look(s *oracle.Step, o oracle.Observation) error {
	c := m.commands[s.Cmd]
	switch s.Op {
	case "circuit":
		c.breaker.put(o)
	case "health":
		c.breaker.health().Put(o)
	case "counters":
		c.counters().Put(o)
	case "pool":
		p := m.pools[s.Pool]
		r := p.gauges()
		if s.Counts {
			r.RollingExecuted, r.RollingRejected = p.counts()
		}
		r.Put(o)
	case "bodies":
		c.did.Put(o)
	default:
		return m.lookElsewhere(s, o)
	}
	return nil
}

// lookElsewhere reads what is neither a state nor a count.
func (m *model) lookElsewhere(s *oracle.Step, o oracle.Observation) error {
	c := m.commands[s.Cmd]
	switch s.Op {
	case "runOrder":
		o["order"] = strings.Join(m.order, ", ")
	case "notifications":
		o["chronological"] = strings.Join(c.told, ", ")
		c.told = nil
	case "construct":
		o["outcome"] = "ok"
		if m.does(SnapshotChecked) && (c.props.Snapshot <= 0 || c.props.Snapshot > c.props.Window) {
			o["outcome"] = "error"
		}
	case "properties":
		c.properties(o)
	default:
		return fmt.Errorf("the model cannot play the operation %q", s.Op)
	}
	return nil
}

func (c *command) counters() oracle.Counters {
	since := c.model.now - c.props.Window
	r := oracle.Counters{Rolling: map[string]int{}, Cumulative: map[string]int{}, Current: c.inFlight}
	for _, x := range c.counted {
		r.Cumulative[x.event]++
		if x.at > since {
			r.Rolling[x.event]++
		}
	}
	for _, p := range c.peaks {
		if p.at > since {
			r.MaxConcurrent = max(r.MaxConcurrent, p.n)
		}
	}
	return r
}

func (p *pool) gauges() oracle.Pool {
	r := oracle.Pool{Active: p.active, Queued: len(p.queue), Core: p.props.Core, Max: p.most()}
	if !p.model.does(TwoPoolSizes) {
		r.Core, _ = p.props.Limits()
		r.Max = r.Core
	}
	return r
}

// counts are those of the pool's window: what ended in a thread, and what was refused.
func (p *pool) counts() (executed, rejected *int) {
	executed, rejected = new(int), new(int)
	for _, c := range p.model.commands {
		if c.pool != p || c.props.Semaphore {
			continue
		}
		for _, x := range c.counted {
			switch {
			case x.at <= p.model.now-p.props.Window || !x.of.over:
			case x.event == "THREAD_POOL_REJECTED":
				*rejected++
			case x.of.runEntered && x.event == x.of.primary && x.event != "CANCELLED":
				*executed++
			}
		}
	}
	return executed, rejected
}

// properties are those in force, as far as quill's differ.
func (c *command) properties(o oracle.Observation) {
	p := &c.props
	o["circuitBreaker.errorThresholdPercentage"] = strconv.Itoa(p.ErrorPct)
	o["execution.isolation.thread.timeoutInMilliseconds"] = strconv.Itoa(p.Timeout)
	o["circuitBreaker.forceOpen"] = strconv.FormatBool(p.ForceOpen && (p.BreakerEnabled || c.model.does(DisabledReportsForce)))
	gauges := c.pool.gauges()
	o["pool coreSize"], o["pool actualMaximumSize"] = strconv.Itoa(gauges.Core), strconv.Itoa(gauges.Max)
	o["pool maximumSize"] = o["pool actualMaximumSize"]
	if c.model.does(TwoPoolSizes) {
		o["pool maximumSize"] = strconv.Itoa(c.pool.props.Maximum)
	}
}
