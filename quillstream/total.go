package quillstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
)

// total is the sum of the messages of several hosts about one subject.
type total struct {
	subject

	hosts float64
	cells []cell
}

func newTotal(s subject) *total {
	return &total{subject: s, cells: make([]cell, len(messageTypes[s.typ].fields))}
}

// add takes one more message into the sum.
func (t *total) add(p *parsed) {
	t.hosts += p.hosts
	fields := messageTypes[t.typ].fields
	for i := range t.cells {
		c := &t.cells[i]
		if fields[i].rule == newest {
			c.number = max(c.number, p.cells[i].number)
		} else {
			c.number += p.cells[i].number
		}
		if len(p.cells[i].keys) > 0 && c.keys == nil {
			c.keys = make(map[string]float64, len(p.cells[i].keys))
		}
		for key, n := range p.cells[i].keys {
			c.keys[key] += n
		}
	}
}

// appendJSON writes the sum as a message, fields in Hystrix's order. Fields of which no
// host has told a value are left out, but for those that are added up: they are 0.
func (t *total) appendJSON(b *bytes.Buffer) {
	b.WriteString(`{"type":`)
	appendText(b, messageTypes[t.typ].name)
	b.WriteString(`,"name":`)
	appendText(b, t.name)
	fields := messageTypes[t.typ].fields
	for i := range fields {
		f, c := &fields[i], &t.cells[i]
		if f.rule >= common && len(c.keys) == 0 {
			continue
		}
		b.WriteString(`,"` + f.name + `":`)
		f.appendValue(b, c, t.hosts)
	}
	b.WriteString(`,"reportingHosts":` + formatNumber(t.hosts) + `}`)
}

func (f *field) appendValue(b *bytes.Buffer, c *cell, hosts float64) {
	switch f.rule {
	case sum, newest:
		b.WriteString(formatNumber(c.number))
	case spread:
		appendCounts(b, c.keys)
	case open:
		appendOpen(b, c.number, hosts)
	case common:
		if len(c.keys) > 1 {
			appendCounts(b, c.keys)
			return
		}
		f.appendScalar(b, mostOf(c.keys))
	case most:
		f.appendScalar(b, mostOf(c.keys))
	case every:
		b.WriteString(strconv.FormatBool(len(c.keys) == 1 && c.keys["true"] > 0))
	}
}

// appendOpen writes what the dashboard shows as "Closed", "Open", or both with how many.
func appendOpen(b *bytes.Buffer, n, hosts float64) {
	switch {
	case n == 0:
		b.WriteString("false")
	case n < hosts:
		b.WriteString(`{"true":` + formatNumber(n) + `,"false":` + formatNumber(hosts-n) + `}`)
	case hosts == 1:
		b.WriteString("true")
	default:
		b.WriteString(formatNumber(n))
	}
}

// mostOf returns the key with the largest number, of equal ones the first in order.
func mostOf(votes map[string]float64) string {
	best, n := "", math.Inf(-1)
	for _, key := range slices.Sorted(maps.Keys(votes)) {
		if votes[key] > n {
			best, n = key, votes[key]
		}
	}
	return best
}

func (f *field) appendScalar(b *bytes.Buffer, value string) {
	switch {
	case value == none:
		b.WriteString("null")
	case f.kind == text || !json.Valid([]byte(value)):
		appendText(b, value)
	default:
		b.WriteString(value)
	}
}

// byNumber orders what is a number by its size, and then the rest as text.
func byNumber(x, y string) int {
	n, errX := strconv.ParseFloat(x, 64)
	m, errY := strconv.ParseFloat(y, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Or(cmp.Compare(n, m), cmp.Compare(x, y))
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return cmp.Compare(x, y)
}

// appendCounts writes an object of numbers.
func appendCounts(b *bytes.Buffer, counts map[string]float64) {
	keys := slices.SortedFunc(maps.Keys(counts), byNumber)
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		if key == none {
			appendText(b, "null")
		} else {
			appendText(b, key)
		}
		b.WriteString(":" + formatNumber(counts[key]))
	}
	b.WriteByte('}')
}

func appendText(b *bytes.Buffer, s string) {
	data, err := json.Marshal(s)
	if err != nil {
		return // cannot be: any string has a JSON form
	}
	b.Write(data)
}
