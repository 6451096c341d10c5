package play

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/conformance/hystrix"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// world is one scenario's circuits, pools, gates and calls. It lives in a bubble of its
// own, and everything in it is made anew for each scenario.
type world struct {
	registry *quill.Registry
	commands map[string]*command
	pools    map[string]*pool
	calls    map[string]*call // by handle

	mu    sync.Mutex
	gates map[string]chan struct{}
	order []string         // labels and handles, as their runs were entered
	inner map[error]string // failure types of nested commands' errors

	bodies  sync.WaitGroup
	closing chan struct{} // closed when the scenario is over
	endings []func()
}

// command is one Hystrix command and the circuit that stands for it.
type command struct {
	name    string
	world   *world
	props   hystrix.CommandProps
	pool    *pool // nil unless it runs in a pool with a name
	circuit *quill.Circuit
	held    uint64 // short-circuited calls of the runner's own: see occupyFallbacks

	// Guarded by world.mu.
	did   oracle.Bodies
	ended []*call // in the order of their ends
	notes []note  // since the last notifications step
	peaks []peak
}

// note is something that Hystrix's notifier would have been told: what ended a run whose
// fallback begins, or, with no event, the end of the call.
type note struct {
	call  *call
	event string
}

// peak is how many calls were in flight when one of them started.
type peak struct {
	at time.Time
	n  int
}

type pool struct {
	props    hystrix.PoolProps
	bulkhead *quill.Bulkhead
	members  []*command
}

func newWorld(s *oracle.Scenario) (*world, error) {
	w := &world{
		registry: quill.NewRegistry(), commands: map[string]*command{}, pools: map[string]*pool{},
		calls: map[string]*call{}, gates: map[string]chan struct{}{}, inner: map[error]string{},
		closing: make(chan struct{}),
	}
	for _, name := range slices.Sorted(maps.Keys(s.Commands)) {
		c := &command{name: name, world: w, props: hystrix.DefaultCommandProps()}
		if err := c.props.SetAll(s.Commands[name].Props); err != nil {
			return nil, fmt.Errorf("command %q: %w", name, err)
		}
		w.commands[name] = c
		if p := s.Commands[name].Pool; p != "" {
			if err := w.join(c, p, s.Pools[p]); err != nil {
				return nil, fmt.Errorf("pool %q: %w", p, err)
			}
		}
	}
	return w, nil
}

func (w *world) join(c *command, name string, props map[string]any) error {
	p := w.pools[name]
	if p == nil {
		p = &pool{props: hystrix.DefaultPoolProps()}
		if err := p.props.SetAll(props); err != nil {
			return err
		}
		w.pools[name] = p
	}
	if !c.props.Semaphore {
		c.pool = p
		p.members = append(p.members, c)
	}
	return nil
}

// build makes the circuits.
func (w *world) build() error {
	for _, name := range slices.Sorted(maps.Keys(w.commands)) {
		if err := w.commands[name].build(); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) build() error {
	opts := []quill.Option{quill.WithHooks(quill.Hooks{OnCall: c.onCall})}
	shared, err := c.sharedBulkhead()
	if err != nil {
		return err
	}
	if shared != nil {
		opts = append(opts, quill.WithBulkhead(shared))
	}
	c.circuit, err = c.world.registry.Circuit(c.name, append(opts, settingsOf(&c.props, shared == nil))...)
	if err == nil && c.props.MaxFallbacks == 0 {
		c.occupyFallbacks()
	}
	return err
}

// sharedBulkhead is the bulkhead of a pool with a name. A semaphore without permits is one
// as well, with a single slot that the runner keeps.
func (c *command) sharedBulkhead() (*quill.Bulkhead, error) {
	if p := c.pool; p != nil {
		if p.bulkhead == nil {
			n, queue := p.props.Limits()
			p.bulkhead = quill.NewBulkhead("pool of "+c.name, quill.BulkheadSettings{MaxConcurrent: n, QueueSize: queue})
		}
		return p.bulkhead, nil
	}
	if !c.props.Semaphore || c.props.MaxConcurrent != 0 {
		return nil, nil //nolint:nilnil // none is needed
	}
	b := quill.NewBulkhead("no permits", quill.BulkheadSettings{Isolation: quill.Semaphore, MaxConcurrent: 1})
	tenant, err := c.world.registry.Circuit("tenant of "+c.name, quill.WithBulkhead(b),
		quill.Settings{Timeout: quill.NoTimeout})
	if err != nil {
		return nil, err
	}
	slot, err := tenant.Begin(context.Background())
	if err != nil {
		return nil, err
	}
	c.world.endings = append(c.world.endings, func() { _, _ = slot.End(nil) })
	return b, nil
}

// occupyFallbacks keeps the one place for fallbacks of a command that is to have none: by a
// call that is short-circuited and then waits in its fallback.
func (c *command) occupyFallbacks() {
	must(c.circuit.Override(quill.ForceOpen, 0, "to occupy the place for fallbacks"))
	tenant := quill.Bind(c.circuit, func(context.Context, struct{}) (string, error) { return "", nil }).
		Fallback("tenant", func(context.Context, struct{}, error) (string, error) {
			<-c.world.closing
			return "", nil
		})
	tenant.Go(context.Background(), struct{}{})
	synctest.Wait()
	must(c.circuit.Override(quill.NoOverride, 0, ""))
	c.held = 1
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// set changes a property while the scenario runs.
func (w *world) set(step *oracle.Step) error {
	if step.Pool != "" {
		p := w.pools[step.Pool]
		if err := p.props.Set(step.Prop, step.Value); err != nil {
			return err
		}
		return p.bulkhead.Resize(p.props.Limits())
	}
	c := w.commands[step.Cmd]
	old := c.props
	if err := c.props.Set(step.Prop, step.Value); err != nil {
		return err
	}
	if c.props.Semaphore != old.Semaphore ||
		(c.props.MaxConcurrent != old.MaxConcurrent && c.props.MaxConcurrent*old.MaxConcurrent == 0) ||
		(c.props.MaxFallbacks != old.MaxFallbacks && c.props.MaxFallbacks*old.MaxFallbacks == 0) {
		return fmt.Errorf("the runner cannot change %s to %v while calls run", step.Prop, step.Value)
	}
	return c.circuit.Configure(settingsOf(&c.props, c.pool == nil && (!c.props.Semaphore || old.MaxConcurrent != 0)))
}

// gate returns the gate of that name.
func (w *world) gate(name string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gates[name] == nil {
		w.gates[name] = make(chan struct{})
	}
	return w.gates[name]
}

func (w *world) release(name string) {
	g := w.gate(name)
	select {
	case <-g:
	default:
		close(g)
	}
}

// end lets everything that still waits go, so that the bubble can close.
func (w *world) end() {
	close(w.closing)
	for _, f := range w.endings {
		f()
	}
	for _, c := range w.calls {
		c.cancel()
	}
	w.bodies.Wait()
}
