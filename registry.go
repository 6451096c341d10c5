package quill

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// DefaultRegistry is where [New] and [NewCircuit] put a circuit unless [WithRegistry] says
// otherwise.
var DefaultRegistry = NewRegistry()

// Registry holds circuits by name: within a registry a name is one circuit. Its methods
// are safe for concurrent use. Circuits stay until they are removed; a program that takes
// names from its input must limit their number itself (as quillhttp.Transport does).
// Registries are made by [NewRegistry]; the zero value is not usable.
type Registry struct {
	configuring sync.Mutex // held while several circuits are configured together; taken before mu

	mu       sync.RWMutex
	circuits map[string]*Circuit
	hooks    []Hooks               // that every circuit gets
	terms    atomic.Pointer[terms] // of the circuit made last: the next often has the same
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{circuits: map[string]*Circuit{}} }

// Circuit returns the circuit of that name, making it if need be. For names and settings
// that are known only at run time use it in place of [NewCircuit]: it returns an error, and
// makes nothing, if the name is not valid ([CheckName]) or the settings are out of range.
//
// If the circuit exists, it returns an error when the given Settings, bulkhead or WithColdPool
// differ from those it was made with ([Circuit.Declared]; later changes do not matter), or when a
// classifier, hooks, a redaction or a shadow is given. Without options it returns the circuit as it
// is.
func (r *Registry) Circuit(name string, opts ...Option) (*Circuit, error) {
	o := gather(opts)
	if o.registry != nil && o.registry != r {
		o.problems = append(o.problems, "WithRegistry names another registry")
	}
	return r.circuit(name, o)
}

func (r *Registry) circuit(name string, o *options) (*Circuit, error) {
	if err := o.check(name); err != nil {
		return nil, err
	}
	r.mu.RLock()
	c := r.circuits[name]
	r.mu.RUnlock()
	if c != nil {
		return c.agreed(o)
	}
	o.terms = r.terms.Load()
	made := newCircuit(name, o)
	r.terms.Store(made.declared)
	r.mu.Lock()
	defer r.mu.Unlock()
	if c = r.circuits[name]; c != nil {
		return c.agreed(o)
	}
	r.circuits[name] = made
	if made.shared {
		made.bulkhead.markBorrowed()
	}
	if r.hooks != nil {
		made.addHooks(r.hooks...)
	}
	return made, nil
}

// check finds everything that is wrong with the options.
func (o *options) check(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if len(o.problems) > 0 {
		return fmt.Errorf("quill: circuit %q: %s", name, strings.Join(o.problems, "; "))
	}
	if o.shadow != nil {
		if err := o.shadow.validate(name); err != nil {
			return err
		}
	}
	if o.bulkhead != nil {
		return o.settings.validateShared(name)
	}
	return o.settings.validate(name)
}

// agreed returns the circuit if it is what o asks for.
func (c *Circuit) agreed(o *options) (*Circuit, error) {
	if err := c.agree(o); err != nil {
		return nil, err
	}
	return c, nil
}

// agree reports whether the circuit is what o asks for.
func (c *Circuit) agree(o *options) error {
	switch {
	case o.hasSettings && o.settings.WithDefaults() != c.declared.WithDefaults():
		return fmt.Errorf("quill: circuit %q was declared with %s (give the settings once, or use Configure)",
			c.name, differences(c.declared.given, o.settings))
	case o.bulkhead != nil && o.bulkhead != c.bulkhead:
		return fmt.Errorf("quill: circuit %q exists with bulkhead %q: it cannot be declared again with %q",
			c.name, c.bulkhead.name, o.bulkhead.name)
	case o.coldPool && !c.cold:
		return fmt.Errorf("quill: circuit %q exists and keeps its workers warm: WithColdPool can only be given where it is made", c.name)
	case o.classifier != nil, o.hooks != nil, o.redact != nil, o.shadow != nil:
		return fmt.Errorf("quill: circuit %q exists: a classifier, hooks, a redaction or a shadow can only be given where it is made", c.name)
	}
	return nil
}

// differences names the fields in which two settings, defaults filled in, differ. It says which
// value is a default that nobody wrote. A field that is left out of both differs only because its
// default follows from one that is named.
func differences(declared, again Settings) string {
	var all []string
	full, fullAgain := declared.WithDefaults(), again.WithDefaults()
	for i := range settingsFields {
		f := &settingsFields[i]
		given, givenAgain := f.get(&declared) != 0, f.get(&again) != 0
		if (given || givenAgain) && f.get(&full) != f.get(&fullAgain) {
			all = append(all, f.name+" "+f.text(&full)+byDefault(given)+", not "+f.text(&fullAgain)+byDefault(givenAgain))
		}
	}
	return strings.Join(all, "; ")
}

func byDefault(given bool) string {
	if given {
		return ""
	}
	return " (the default)"
}

// Lookup returns the circuit of that name, if there is one.
func (r *Registry) Lookup(name string) (*Circuit, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, ok := r.circuits[name]
	return c, ok
}

// All yields the circuits, sorted by name: those that there are when the iteration begins.
func (r *Registry) All() iter.Seq[*Circuit] {
	return func(yield func(*Circuit) bool) {
		for _, c := range r.sorted() {
			if !yield(c) {
				return
			}
		}
	}
}

func (r *Registry) sorted() []*Circuit {
	r.mu.RLock()
	all := slices.Collect(maps.Values(r.circuits))
	r.mu.RUnlock()
	slices.SortFunc(all, func(a, b *Circuit) int { return strings.Compare(a.name, b.name) })
	return all
}

// Len returns how many circuits there are.
func (r *Registry) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.circuits)
}

// Remove forgets the circuit of that name and reports whether there was one. Commands
// bound to it go on with it; the next use of the name makes a new one. The circuit keeps no
// worker for a next call any more, as if it had been made with [WithColdPool]: those that are
// idle end at once, unless they are of a shared bulkhead.
func (r *Registry) Remove(name string) bool {
	c, ok := r.remove(name)
	if ok {
		c.bulkhead.retire()
	}
	return ok
}

func (r *Registry) remove(name string) (*Circuit, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.circuits[name]
	delete(r.circuits, name)
	return c, ok
}

// AddHooks adds h to the hooks of every circuit of the registry: of those that it has, whoever made
// them, and of those that are made later. A circuit's own hooks come first. A call under way keeps
// the OnCall that it began with; transitions and panics are told to the hooks that there are when
// they happen. A circuit that is removed keeps its hooks. To add the same hooks twice calls them
// twice. An OnCall costs each call of every circuit what it costs one; the others cost calls nothing.
// (Hystrix's HystrixEventNotifier, one for all commands, is such a hook.)
func (r *Registry) AddHooks(h Hooks) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks = append(r.hooks, h)
	for _, c := range r.circuits {
		c.addHooks(h)
	}
}

// Configure puts settings in force on several circuits: all of them, or none if any name
// is unknown or any field out of range. All fields of these circuits are replaced: a zero field
// falls to its default. To change some fields use [Registry.Overlay], or start from
// [Circuit.Settings]. The error joins one for each circuit; each circuit that keeps its settings
// because of it counts that in [Stats].ConfigRejected. Concurrent calls of Configure and
// [Registry.Overlay] take effect one after the other.
func (r *Registry) Configure(settings map[string]Settings) error {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	r.mu.RLock()
	defer r.mu.RUnlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		c, ok := r.circuits[name]
		if !ok {
			errs = append(errs, fmt.Errorf("quill: circuit %q does not exist", name))
			continue
		}
		errs = append(errs, c.checkSettings(settings[name]))
	}
	if err := errors.Join(errs...); err != nil {
		for name := range settings {
			if c, ok := r.circuits[name]; ok {
				c.meters.configRejected.Add(1)
			}
		}
		return err
	}
	for name, s := range settings {
		if err := r.circuits[name].Configure(s); err != nil {
			return err // cannot be: it was checked above
		}
	}
	return nil
}
