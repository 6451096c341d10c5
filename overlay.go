package quill

import (
	"errors"
	"fmt"
)

// Overlay returns s with the fields that data sets, a JSON object as [ParseSettings] reads it; all
// other fields stay as they are in s. So a file that says {"timeout": "250ms"} changes the timeout
// and nothing else. A slowCallDuration of "0s" takes the SlowCallPercentThreshold of s with it.
//
// What data leaves out is s's; it cannot be set back to its default by null, which is an error as
// in ParseSettings: write the default. The whole is checked, as by [Settings.Validate], so an error
// may also be about a field of s that does not go with data, and says then that the text does not
// set it. On an error, which is a [*SettingsError] with every problem at once, Overlay returns s as
// it is.
func (s Settings) Overlay(data []byte) (Settings, error) {
	r := newReader(s)
	if value, ok := r.document(data); ok {
		r.settings(value)
	}
	if err := r.err(""); err != nil {
		return s, err
	}
	return r.s, nil
}

// Declared returns the settings that the circuit was made with, as they were given: zero fields
// stand for their defaults. [Circuit.Configure] does not change them, and [Registry.Overlay] begins
// with them. [Circuit.Settings] are those in force.
func (c *Circuit) Declared() Settings { return c.declared.given }

// Overlay puts a settings file in force on every circuit of the registry: the settings with which
// the circuit was made ([Circuit.Declared]), and over them what data sets for it. data is a JSON
// object that maps names to settings, each read as by [Settings.Overlay]. A circuit that data does
// not name, or with {}, has the settings it was made with. So what is in force follows from the
// source and the file alone: to read a file twice changes nothing, and what is taken out of it is
// as the source has it. What [Circuit.Configure], [Registry.Configure] or [Bulkhead.Resize] have
// set since is replaced; a [Circuit.Override] lasts.
//
// If anything is wrong nothing changes on any circuit, each counts that in [Stats].ConfigRejected,
// and the error has all that is wrong: it joins a [*SettingsError] for the text as a whole and for each
// circuit with problems, and an error for each name that no circuit has. A circuit with a shared
// bulkhead may not be given isolation, maxConcurrent or queueSize. Calls under way go on as they
// began, and Overlay does not wait for them. Concurrent calls of [Registry.Configure] and Overlay
// take effect one after the other.
func (r *Registry) Overlay(data []byte) error {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	r.mu.RLock()
	defer r.mu.RUnlock()
	settings, err := r.overlaid(data)
	if err != nil {
		for _, c := range r.circuits {
			c.meters.configRejected.Add(1)
		}
		return err
	}
	for name, s := range settings {
		if err := r.circuits[name].Configure(s); err != nil {
			return err // cannot be: it was checked
		}
	}
	return nil
}

// overlaid returns what Overlay puts in force, by name.
func (r *Registry) overlaid(data []byte) (map[string]Settings, error) {
	settings := make(map[string]Settings, len(r.circuits))
	for name, c := range r.circuits {
		settings[name] = c.declared.given
	}
	err := eachCircuit(data, func(m member) error {
		c, ok := r.circuits[m.key]
		if !ok {
			return problemsOfStranger(m)
		}
		reader := newReader(c.declared.given)
		if c.shared {
			reader.fixed = 1<<isolationField | 1<<maxConcurrentField | 1<<queueSizeField
		}
		reader.circuit(m)
		settings[m.key] = reader.s
		return reader.err(m.key)
	})
	return settings, err
}

// leftToBulkhead is what a field in [reader.fixed] must be.
const leftToBulkhead = "left out: the circuit has a shared bulkhead, which has limits of its own"

// problemsOfStranger are those of settings for a circuit that does not exist: whether they go
// together is not known without what the circuit was meant to be made with.
func problemsOfStranger(m member) error {
	r := newReader(Settings{})
	r.bad = ^uint32(0)
	r.circuit(m)
	if nameFault(m.key) != "" {
		return r.err(m.key) // which names it
	}
	return errors.Join(r.err(m.key), fmt.Errorf("quill: circuit %q does not exist", m.key))
}
