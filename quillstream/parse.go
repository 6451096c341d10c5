package quillstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Bounds on what one message may say.
const (
	maxNameBytes = 1_000
	maxHosts     = 1_000_000
	// maxNumber is up to where a float64 counts without a gap.
	maxNumber = 1 << 53
	// maxKeys bounds the keys of an object within a message.
	maxKeys = 100
)

// errOtherType is what parse says of a message that is not summed.
var errOtherType = errors.New("a message of another type")

// subject is whom a message is about.
type subject struct {
	typ  int // index of messageTypes
	name string
}

// parsed is a message with a cell for each field of its type. It is never changed.
type parsed struct {
	subject

	hosts float64
	cells []cell
}

// cell is the value of one field.
type cell struct {
	number float64            // sum, newest; open: how many hosts are
	keys   map[string]float64 // spread: its numbers; common, most, every: hosts by value
}

// parse reads the JSON of one message. All of it must be right, or it is an error: half a
// message must not get into a sum.
func parse(data []byte) (*parsed, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	typ, err := typeOf(raw["type"])
	if err != nil {
		return nil, err
	}
	p := &parsed{subject: subject{typ: typ}}
	if p.name, err = parseName(raw["name"]); err != nil {
		return nil, err
	}
	if p.hosts, err = parseHosts(raw["reportingHosts"]); err != nil {
		return nil, err
	}
	fields := messageTypes[typ].fields
	p.cells = make([]cell, len(fields))
	for i := range fields {
		value, ok := raw[fields[i].name]
		if !ok {
			continue
		}
		if p.cells[i], err = fields[i].parse(value, p.hosts); err != nil {
			return nil, fmt.Errorf("%s: %w", fields[i].name, err)
		}
	}
	return p, nil
}

func parseName(raw json.RawMessage) (name string, err error) {
	if err = json.Unmarshal(raw, &name); err != nil || name == "" || len(name) > maxNameBytes {
		return "", fmt.Errorf("name: must be a text of 1 to %d bytes", maxNameBytes)
	}
	return name, nil
}

// parseHosts takes how many hosts a message speaks for: 1 if it does not say.
func parseHosts(raw json.RawMessage) (float64, error) {
	if raw == nil {
		return 1, nil
	}
	n, err := parseNumber(raw)
	if err != nil || n < 1 || n > maxHosts || n != math.Trunc(n) {
		return 0, fmt.Errorf("reportingHosts: must be a whole number of 1 to %d", maxHosts)
	}
	return n, nil
}

func typeOf(raw json.RawMessage) (int, error) {
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return 0, errors.New("type: must be a text")
	}
	for i := range messageTypes {
		if messageTypes[i].name == name {
			return i, nil
		}
	}
	return 0, errOtherType
}

func (f *field) parse(raw json.RawMessage, hosts float64) (c cell, err error) {
	switch f.rule {
	case sum, newest:
		c.number, err = parseNumber(raw)
	case spread:
		c.keys, err = parseCounts(raw)
	case open:
		c.number, err = parseOpen(raw, hosts)
	case common, most, every:
		c.keys, err = f.parseVotes(raw, hosts)
	}
	return c, err
}

// parseNumber takes a number, also one in quotes, as Turbine writes some.
func parseNumber(raw json.RawMessage) (float64, error) {
	digits := string(raw)
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &digits); err != nil {
			return 0, err
		}
	}
	var n json.Number
	if err := json.Unmarshal([]byte(digits), &n); err != nil || n == "" {
		return 0, errors.New("must be a number")
	}
	v, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.Abs(v) > maxNumber {
		return 0, errors.New("must be a number of at most 2^53")
	}
	return v, nil
}

// parseCounts takes an object of numbers.
func parseCounts(raw json.RawMessage) (map[string]float64, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil || len(all) > maxKeys {
		return nil, fmt.Errorf("must be an object of at most %d numbers", maxKeys)
	}
	counts := make(map[string]float64, len(all))
	for key, value := range all {
		n, err := parseNumber(value)
		if err != nil {
			return nil, err
		}
		counts[key] = n
	}
	return counts, nil
}

// parseOpen returns how many of the hosts are open: the message of one host has a bool, a
// sum a number or an object.
func parseOpen(raw json.RawMessage, hosts float64) (float64, error) {
	switch string(bytes.Trim(raw, `"`)) {
	case "true":
		return hosts, nil
	case "false":
		return 0, nil
	}
	var n float64
	var err error
	if len(raw) > 0 && raw[0] == '{' {
		var counts map[string]float64
		counts, err = parseCounts(raw)
		n = counts["true"]
	} else {
		n, err = parseNumber(raw)
	}
	if err != nil || n < 0 || n > hosts {
		return 0, errors.New("must be true, false, or how many hosts are")
	}
	return n, nil
}

// none stands for null among the values of a text.
const none = "\x00"

// parseVotes returns how many hosts have which value: all of them the one that stands
// there, or as an object says.
func (f *field) parseVotes(raw json.RawMessage, hosts float64) (map[string]float64, error) {
	if len(raw) == 0 || raw[0] != '{' {
		value, err := f.scalar(raw)
		return map[string]float64{value: hosts}, err
	}
	counts, err := parseCounts(raw)
	if err != nil {
		return nil, err
	}
	votes := make(map[string]float64, len(counts))
	for key, n := range counts {
		value, err := f.scalar(quoted(key, f.kind))
		if err != nil || n < 0 || n > hosts {
			return nil, errors.New("must say of each value how many hosts have it")
		}
		votes[value] += n
	}
	return votes, nil
}

// quoted writes the key of an object as the value that it stands for.
func quoted(key string, k kind) json.RawMessage {
	data, err := json.Marshal(key)
	if err != nil || k == text && key == "null" {
		return json.RawMessage("null")
	}
	return data
}

// scalar writes a value the one way, so that the same are the same.
func (f *field) scalar(raw json.RawMessage) (string, error) {
	switch f.kind {
	case number:
		n, err := parseNumber(raw)
		return formatNumber(n), err
	case boolean:
		if v := string(bytes.Trim(raw, `"`)); v == "true" || v == "false" {
			return v, nil
		}
		return "", errors.New("must be true or false")
	case text:
	}
	var v *string
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", errors.New("must be a text")
	}
	if v == nil {
		return none, nil
	}
	return *v, nil
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
