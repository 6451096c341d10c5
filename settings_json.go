package quill

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MarshalJSON writes the fields that are not zero, in the order of the struct: durations
// as "300ms", NoTimeout as "none", Unlimited as "unlimited", isolation and override as
// their words. The zero Settings are {}. It fails only for NaN and infinite numbers,
// which JSON does not know, and otherwise does not validate.
func (s Settings) MarshalJSON() ([]byte, error) {
	var c checker
	b := []byte{'{'}
	for i := range settingsFields {
		f := &settingsFields[i]
		v := f.get(&s)
		if v == 0 {
			continue
		}
		if v-v != 0 { // NaN or infinite
			c.refuse(i, f.text(&s), f.allowed())
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, f.key...)
		b = append(b, '"', ':')
		if text := f.text(&s); f.kind == durationKind || f.kind == wordKind || text == f.special {
			b = strconv.AppendQuote(b, text)
		} else {
			b = append(b, text...)
		}
	}
	if err := c.err(""); err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// UnmarshalJSON replaces s by what data says, as [ParseSettings] does. If it returns an
// error, s is as it was.
func (s *Settings) UnmarshalJSON(data []byte) error {
	parsed, err := ParseSettings(data)
	if err == nil {
		*s = parsed
	}
	return err
}

// ParseSettings reads settings from a JSON object with the keys that Settings shows as
// tags. What the object leaves out is zero and so has its default.
//
// It is strict, for an operator's sake: durations are strings with a unit ("300ms") or
// "none"; a limit that is switched off is "unlimited", not -1; keys must be known, in
// their exact case, and not given twice; null is not allowed; 0 is allowed only where it is
// documented as a value or as off, never to mean the default. The error is a
// [*SettingsError] with every problem at once, those of types and keys together with those
// that [Settings.Validate] finds, in the terms of the text: `maxConcurrent is -1: must be 1 to
// 1000000, or "unlimited"`. Only where the text is not JSON are problems after that place not found.
//
// To lay an object over settings that there are already use [Settings.Overlay].
func ParseSettings(data []byte) (Settings, error) { return Settings{}.Overlay(data) }

// ParseSettingsMap reads the settings of several circuits from a JSON object that maps
// names to settings, for [Registry.Configure]. Each is read as by [ParseSettings] and each
// name is checked as by [CheckName]; no name has a special meaning. The error joins one
// [*SettingsError] for each circuit with problems, in the order of the text, so that all
// of them show at once; errors.AsType finds the first.
//
// What an entry leaves out is zero and so has its default, whatever the source gave to the
// circuit. For a file that is to change some settings of circuits use [Registry.Overlay].
func ParseSettingsMap(data []byte) (map[string]Settings, error) {
	parsed := map[string]Settings{}
	err := eachCircuit(data, func(c member) error {
		r := newReader(Settings{})
		r.circuit(c)
		parsed[c.key] = r.s
		return r.err(c.key)
	})
	if err != nil {
		return nil, err
	}
	return parsed, nil
}

// eachCircuit calls read for each name of data, an object of settings by name. It returns what is
// wrong with the object as a whole, and then what read returns.
func eachCircuit(data []byte, read func(c member) error) error {
	var top reader
	var errs []error
	if value, ok := top.document(data); ok {
		circuits, ok := members(value)
		if !ok {
			top.problem("document", excerpt(value), `an object of settings by name, such as {"movie-info": {"timeout": "300ms"}}`)
		}
		for _, c := range circuits {
			errs = append(errs, read(c))
		}
	}
	return errors.Join(append([]error{top.err("")}, errs...)...)
}

// reader reads settings out of JSON and collects the problems on the way.
type reader struct {
	checker

	s     Settings
	fixed uint32 // the fields that must stay zero
}

// newReader returns a reader that lays what it reads over s.
func newReader(s Settings) *reader { return &reader{checker: checker{inJSON: true}, s: s} }

// circuit reads the settings of a circuit, and checks its name.
func (r *reader) circuit(c member) {
	if fault := nameFault(c.key); fault != "" {
		r.problem("name", strconv.Quote(shorten(c.key))+", which "+fault, nameAllowed)
	}
	if n := len(c.values); n > 1 {
		r.problem("name", "given "+times(n), "given once")
	}
	for _, value := range c.values {
		r.settings(value)
	}
}

func (r *reader) problem(field, value, allowed string) {
	r.problems = append(r.problems, Problem{field, value, allowed})
}

// document returns the one JSON value of data. What follows it is a problem, but no
// reason not to look into the value.
func (r *reader) document(data []byte) (json.RawMessage, bool) {
	if at := invalidUTF8(data); at >= 0 {
		r.problem("document", "broken at "+position(data, at)+" (not UTF-8)", "valid JSON")
		return nil, false
	}
	var value json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(data))
	if dec.Decode(&value) != nil {
		r.problem("document", syntaxFault(data), "valid JSON")
		return nil, false
	}
	end := int(dec.InputOffset())
	if rest := bytes.TrimLeft(data[end:], " \t\r\n"); len(rest) > 0 {
		r.problem("document", "followed by "+strconv.Quote(shorten(string(rest)))+" at "+
			position(data, len(data)-len(rest)), "one JSON value")
	}
	return value, true
}

// syntaxFault says where and how data, which is no JSON, is broken.
func syntaxFault(data []byte) string {
	err := json.Unmarshal(data, new(json.RawMessage))
	at := len(data)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = min(at, max(0, int(syntax.Offset)-1))
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return "empty"
	}
	return "broken at " + position(data, at) + " (" + err.Error() + ")"
}

// settings reads an object and checks it.
func (r *reader) settings(value json.RawMessage) {
	all, ok := members(value)
	if !ok {
		r.problem("document", excerpt(value), `an object of settings, such as {"timeout": "300ms"}`)
		return
	}
	for _, m := range all {
		i := fieldOfKey(m.key)
		if i < 0 {
			r.problem(shorten(m.key), "an unknown key ("+excerpt(m.values[0])+")", nearestKeys(m.key))
			continue
		}
		if n := len(m.values); n > 1 {
			r.refuse(i, "given "+times(n)+" ("+excerpt(m.values[0])+", then "+excerpt(m.values[n-1])+")",
				"given once")
		}
		for _, v := range m.values {
			r.field(i, v)
		}
	}
	if r.isGiven(slowCallDurationField) && r.s.SlowCallDuration == 0 && !r.isGiven(slowCallPercentThresholdField) {
		r.s.SlowCallPercentThreshold = 0 // it goes with its rule: no text could unset it
	}
	r.check(r.s)
}

// field reads one value. A bad one leaves the field as it was, and marked as bad.
func (r *reader) field(i int, value json.RawMessage) {
	f := &settingsFields[i]
	r.given |= 1 << i
	v, want := f.parse(value)
	if want == "" && !f.inBounds(v) && (v != 0 || f.def != 0) && (f.special == "" || v != off) {
		want = f.allowedInJSON()
	}
	if want == "" && v != 0 && r.fixed&(1<<i) != 0 {
		want = leftToBulkhead
	}
	if want != "" {
		r.refuse(i, excerpt(value), want)
		return
	}
	f.set(&r.s, v)
}

// parse reads a JSON value as a number, as [field.get] gives it. If the value cannot be
// one of this field at all, parse returns what is wanted.
func (f *field) parse(value json.RawMessage) (v float64, want string) {
	var text string
	_ = json.Unmarshal(value, &text) // "" unless it is a string
	if text == f.special && text != "" {
		return off, ""
	}
	switch f.kind {
	case durationKind:
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, `a string with a unit, such as "300ms": ` + f.allowedInJSON()
		}
		return f.plain(float64(d))
	case countKind, percentKind:
		return f.parseNumber(string(value))
	case flagKind:
		if at := slices.Index(flagNames[:], string(value)); at >= 0 {
			return float64(at), ""
		}
	case wordKind:
		if at := slices.Index(f.words, text); at >= 0 {
			return float64(at), ""
		}
	}
	return 0, f.allowedInJSON()
}

// flagNames are the values of a flag in JSON, by their number.
var flagNames = [...]string{"false", "true"}

// parseNumber is parse for what JSON writes as a number.
func (f *field) parseNumber(value string) (v float64, want string) {
	if f.kind == percentKind {
		v, err := strconv.ParseFloat(value, 64)
		if errors.Is(err, strconv.ErrSyntax) {
			return 0, "a number: " + f.allowedInJSON()
		}
		return v, ""
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0, "a whole number: " + f.allowedInJSON()
	}
	return f.plain(float64(n)) // the nearest int64 if it is out of range
}

// plain refuses the number behind a special word: who subtracted too much, or wrote -1 by
// habit, did not ask for no limit.
func (f *field) plain(v float64) (float64, string) {
	if v == off {
		return 0, f.allowedInJSON()
	}
	return v, ""
}

// member is a key of an object with all the values it was given.
type member struct {
	key    string
	values []json.RawMessage
}

// members takes an object, known to be valid JSON, apart. It returns false if value is
// not an object. encoding/json alone would let the last of several equal keys win and
// forget the rest.
func members(value json.RawMessage) ([]member, bool) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	var all []member
	index := map[string]int{}
	for dec.More() {
		token, err := dec.Token()
		key, isKey := token.(string)
		var v json.RawMessage
		if err != nil || !isKey || dec.Decode(&v) != nil {
			return nil, false
		}
		at, seen := index[key]
		if !seen {
			at = len(all)
			index[key] = at
			all = append(all, member{key: key})
		}
		all[at].values = append(all[at].values, v)
	}
	return all, true
}

// excerpt is a JSON value as it was written, fit for one line of a message.
func excerpt(value json.RawMessage) string {
	var line bytes.Buffer
	if json.Compact(&line, value) != nil {
		return "unreadable"
	}
	text := shorten(line.String())
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(text)
	}
	return text
}

func times(n int) string {
	if n == 2 {
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}

// position is a place in a text as editors show it, columns in bytes.
func position(data []byte, at int) string {
	before := data[:at]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := at - bytes.LastIndexByte(before, '\n')
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// invalidUTF8 returns where data stops being UTF-8, or -1. encoding/json would silently
// put U+FFFD there.
func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}
