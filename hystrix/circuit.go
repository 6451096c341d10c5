package hystrix

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed-f7c3343e/quill"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// CircuitBreaker is the circuit of a command. It is made by GetCircuit or by the first use of
// the name; its methods are safe for concurrent use.
type CircuitBreaker struct {
	Name string

	command *command
	ready   chan struct{} // closed when the fields below are set
	quill   *quill.Circuit
	plain   *quill.Command[*invocation, struct{}]
	guarded *quill.Command[*invocation, struct{}] // with the fallback

	active     atomic.Int64 // run functions under way
	tally      tally
	collectors collectors
	watch      watch
	byHand     handProbe

	adopted atomic.Pointer[adopted]
}

// adopted is what the circuit's settings were made of.
type adopted struct {
	settings Settings
	extra    *quill.Settings
	result   quill.Settings
}

// GetCircuit returns the circuit of a command and whether this call made it. The error is
// always nil.
func GetCircuit(name string) (*CircuitBreaker, bool, error) {
	c, made := commandOf(name).use()
	return c, made, nil
}

func circuitOf(name string) *CircuitBreaker {
	c, _ := commandOf(name).use()
	return c
}

// Flush forgets all circuits and resets their collectors. Settings stay. Commands under way
// end on the circuit they began with. Goroutines that are kept for the next command end.
func Flush() {
	var gone []*CircuitBreaker
	commands.Range(func(_, v any) bool {
		if c := v.(*command).drop(); c != nil { //nolint:forcetypeassert // nothing else is stored
			gone = append(gone, c)
		}
		return true
	})
	for _, c := range gone {
		c.tally.reset()
		c.collectors.reset()
	}
}

// use returns the circuit, making it if need be.
func (c *command) use() (circuit *CircuitBreaker, made bool) {
	if circuit = c.circuit.Load(); circuit != nil {
		return circuit, false
	}
	c.making.Lock()
	defer c.making.Unlock()
	if circuit = c.circuit.Load(); circuit != nil {
		return circuit, false
	}
	circuit = newCircuit(c)
	c.circuit.Store(circuit)
	return circuit, true
}

func (c *command) drop() *CircuitBreaker {
	c.making.Lock()
	defer c.making.Unlock()
	c.takeOver() // settings stay
	circuit := c.circuit.Swap(nil)
	if circuit != nil {
		registry.Remove(circuit.quill.Name())
	}
	return circuit
}

// naming is held from the choice of a name in the registry to its use.
var naming sync.Mutex

func newCircuit(cmd *command) *CircuitBreaker {
	c := &CircuitBreaker{Name: cmd.name, command: cmd, ready: make(chan struct{})}
	defer close(c.ready)
	// The first is for users of the package: circuits judge by quill's window.
	c.collectors.init(cmd.name, metricCollector.Registry.InitializeMetricCollectors(cmd.name)[1:])

	now := cmd.inForce()
	naming.Lock()
	defer naming.Unlock()
	made, err := registry.Circuit(quillName(cmd.name), now.result,
		quill.WithClassifier(verdict),
		quill.WithHooks(quill.Hooks{OnCall: c.onCall, OnPanic: c.onPanic}))
	if err != nil {
		panic("hystrix: command " + cmd.name + ": " + err.Error()) // cannot be: name and settings are made to fit
	}
	c.quill = made
	c.adopted.Store(now)
	c.tally.init(now.result.RollingWindow)
	c.plain = quill.Bind(made, work)
	c.guarded = c.plain.Fallback("fallback", fallBack)
	return c
}

// inForce is what the settings of this moment come to.
func (c *command) inForce() *adopted {
	extra := c.extra.Load()
	settings := *c.current()
	return &adopted{settings, extra, effective(&settings, extra)}
}

// adopt makes the circuit go by the settings in force. They are looked at by each command,
// since programs may write to those that GetCircuitSettings returns.
func (c *CircuitBreaker) adopt() {
	if a := c.adopted.Load(); a.settings == *c.command.current() && a.extra == c.command.extra.Load() {
		return
	}
	now, held, err := c.adoptNow()
	if err != nil {
		log().Printf("hystrix-go: circuit %v keeps its settings: %v", c.Name, err) // cannot be: see effective
	}
	c.reconsider(held, &now.result)
}

// adoptNow returns what the circuit goes by from now on, and what its window held until now.
func (c *CircuitBreaker) adoptNow() (*adopted, quill.Health, error) {
	c.command.changing.Lock()
	defer c.command.changing.Unlock()
	c.takeOverLocked()
	now := c.command.inForce()
	held := c.quill.Stats().Health
	err := c.quill.Configure(now.result)
	c.tally.init(now.result.RollingWindow)
	c.adopted.Store(now)
	return now, held, err
}

// IsOpen reports whether the circuit refuses commands, but for those that try whether the
// dependency is well again. It changes nothing, except that it puts new settings into effect.
func (c *CircuitBreaker) IsOpen() bool {
	c.adopt()
	open := c.quill.Stats().Open()
	if open {
		c.watch.noticed()
	}
	return open
}

// verdict leaves the end of a context, where run returns it bare, out of the judgement, and
// understands what ReportEvent reports.
func verdict(err error) quill.Verdict {
	if _, ok := err.(successError); ok { //nolint:errorlint // our own, bare
		return quill.CountSuccess
	}
	switch kindOf(err) {
	case contextCanceled, contextDeadlineExceeded:
		return quill.CountIgnored
	case success, failure, rejected, shortCircuit, timeout, other:
	}
	return quill.CountFailure
}

// onCall is told of every call of the quill circuit.
func (c *CircuitBreaker) onCall(ctx context.Context, e quill.CallEvent) {
	switch in := ctx.(type) {
	case *invocation:
		if in.circuit == c {
			in.outcome, in.execute = e.Outcome, e.Execute
			return
		}
	case handContext:
		return // AllowRequest and ReportEvent say themselves what they did
	}
	<-c.ready                // somebody may find the circuit in the registry early
	_ = c.record(foreign(e)) // logged
}

// onPanic is told of a panic that has no caller to go to.
func (c *CircuitBreaker) onPanic(p *quill.PanicError) {
	log().Printf("hystrix-go: command %v panicked after its caller had left: %v\n\n%s", c.Name, p.Value, p.Stack)
}
