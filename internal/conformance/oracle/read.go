package oracle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// ReadFile reads the recording at path.
func ReadFile(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Read reads a recording. It decodes in layers, so that an error says where it is.
func Read(data []byte) (*File, error) {
	var raw struct {
		Format         int
		Source         string
		Runs           int
		FlakyScenarios []string
		Scenarios      []json.RawMessage
	}
	if err := decode(data, &raw); err != nil {
		return nil, err
	}
	if raw.Format != Format {
		return nil, fmt.Errorf("its format is %d: must be %d", raw.Format, Format)
	}
	if len(raw.Scenarios) == 0 {
		return nil, errors.New("it holds no scenarios")
	}
	f := &File{raw.Format, raw.Source, raw.Runs, raw.FlakyScenarios, nil}
	seen := map[string]bool{}
	for i, text := range raw.Scenarios {
		s, err := readScenario(text)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", nameOf(text, i), err)
		}
		if seen[s.ID] {
			return nil, fmt.Errorf("scenario %q stands in it twice", s.ID)
		}
		seen[s.ID] = true
		f.Scenarios = append(f.Scenarios, s)
	}
	return f, nil
}

// nameOf is the id of a scenario that could not be read, or else its place.
func nameOf(text json.RawMessage, i int) string {
	var s struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(text, &s) == nil && s.ID != "" {
		return fmt.Sprintf("%q", s.ID)
	}
	return fmt.Sprintf("number %d", i+1)
}

func readScenario(text json.RawMessage) (*Scenario, error) {
	var raw struct {
		ID, Area, Title, Note string
		Tags                  []string
		Flaky, Lazy           bool
		Commands              map[string]Command
		Pools                 map[string]map[string]any
		Collapsers            map[string]Collapser
		Steps                 []json.RawMessage
	}
	if err := decode(text, &raw); err != nil {
		return nil, err
	}
	if raw.ID == "" {
		return nil, errors.New("it has no id")
	}
	if len(raw.Steps) == 0 {
		return nil, errors.New("it has no steps")
	}
	s := &Scenario{
		raw.ID, raw.Area, raw.Title, raw.Note, raw.Tags, raw.Flaky, raw.Lazy,
		raw.Commands, raw.Pools, raw.Collapsers, nil,
	}
	handles := map[string]string{}
	for i, text := range raw.Steps {
		step := &Step{}
		if err := s.readStep(text, step, handles); err != nil {
			return nil, fmt.Errorf("step %d: %w", i, err)
		}
		s.Steps = append(s.Steps, step)
	}
	return s, nil
}

func (s *Scenario) readStep(text json.RawMessage, step *Step, handles map[string]string) error {
	if err := decode(text, step); err != nil {
		return err
	}
	if err := s.check(step, handles); err != nil {
		return fmt.Errorf("op %q: %w", step.Op, err)
	}
	observed := step.Variants
	if len(step.Observed) > 0 {
		observed = append(slices.Clip(observed), step.Observed)
	}
	if len(observed) == 0 && step.looks() {
		return fmt.Errorf("op %q: says nothing of what was observed", step.Op)
	}
	for _, o := range observed {
		want, err := observe(step, o)
		if err != nil {
			return fmt.Errorf("op %q: observed: %w", step.Op, err)
		}
		step.Wants = append(step.Wants, want)
	}
	return nil
}

// decode is json.Unmarshal that takes no unknown field and nothing behind the value.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the JSON value")
	}
	return nil
}
