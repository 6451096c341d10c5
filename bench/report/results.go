// Package report judges and shows what was measured.
package report

import (
	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
)

// Results are the figures of one run of the whole.
type Results struct {
	Machine    Machine     `json:"machine"`
	Rounds     int         `json:"rounds"`
	Quick      bool        `json:"quick"`
	Cells      []Cell      `json:"cells"`
	Crowds     []Crowd     `json:"crowds"`
	Timeouts   []Timeouts  `json:"timeouts"`
	Paced      []Paced     `json:"paced"`
	Footprints []Footprint `json:"footprints"`

	// ByCPU makes verdicts and ratios look at processor time where a machine is too busy for
	// the clock to say much.
	ByCPU bool `json:"-"`
}

// Machine is where and when it was measured.
type Machine struct {
	Go    string `json:"go"`
	OS    string `json:"os"`
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	Date  string `json:"date"`
}

// Cell is a contender in one case under one load, in a closed loop.
type Cell struct {
	Case      contender.Case  `json:"case"`
	Load      measure.Load    `json:"load"`
	Contender string          `json:"contender"`
	Wall      measure.Samples `json:"wall"` // ns a call
	CPU       measure.Samples `json:"cpu"`  // ns a call
	Calls     int             `json:"calls"`
	Wrong     int             `json:"wrong"`
	Allocs    uint64          `json:"allocs"`
	Bytes     uint64          `json:"bytes"`
}

// Crowd is how long single calls took under a load, in ns.
type Crowd struct {
	Contender string          `json:"contender"`
	Load      measure.Load    `json:"load"`
	P50       measure.Samples `json:"p50"`
	P999      measure.Samples `json:"p999"`
	Wrong     int             `json:"wrong"`
}

// Timeouts are calls that all time out, in ns.
type Timeouts struct {
	Contender  string          `json:"contender"`
	Case       contender.Case  `json:"case"`
	Load       measure.Load    `json:"load"`
	P50        measure.Samples `json:"p50"`
	P99        measure.Samples `json:"p99"`
	Peak       measure.Samples `json:"peak"`       // most goroutines at once, beside the callers
	Goroutines measure.Samples `json:"goroutines"` // those that stay when the callers are back
	Wrong      int             `json:"wrong"`
}

// Paced are calls that arrive on schedule, in ns.
type Paced struct {
	Contender string          `json:"contender"`
	P50       measure.Samples `json:"p50"`  // a figure for each slice
	P99       measure.Samples `json:"p99s"` // likewise
	P999      measure.Samples `json:"p999s"`
	P9999     float64         `json:"p9999"` // of all slices together: one has too few calls for it
	Own       float64         `json:"own"`   // the pacer's own part, at the median
	Wrong     int             `json:"wrong"`
}

// Footprint is what commands cost that do nothing.
type Footprint struct {
	Contender  string          `json:"contender"`
	Names      int             `json:"names"`
	Called     bool            `json:"called"` // each was called before
	CPU        measure.Samples `json:"cpu"`
	Creation   measure.Samples `json:"creation"`
	Bytes      measure.Samples `json:"bytes"`
	Heap       measure.Samples `json:"heap"`
	Goroutines measure.Samples `json:"goroutines"`
}

// Loads under which each case is measured.
var (
	Alone    = measure.Load{Cores: 1, Callers: 1}
	Both     = measure.Load{Cores: 2, Callers: 2}
	Dozens   = measure.Load{Cores: 2, Callers: 64}
	Many     = measure.Load{Cores: 2, Callers: 4096}
	AllLoads = []measure.Load{Alone, Both, Dozens, Many}
)

// Cell returns what was measured, nil if it was not.
func (r *Results) Cell(c contender.Case, name string, load measure.Load) *Cell {
	for i := range r.Cells {
		if x := &r.Cells[i]; x.Case == c && x.Contender == name && x.Load == load {
			return x
		}
	}
	return nil
}

// wall is the time a call takes, nothing if it was not measured.
func (r *Results) wall(c contender.Case, name string, load measure.Load) measure.Samples {
	x := r.Cell(c, name, load)
	switch {
	case x == nil:
		return nil
	case r.ByCPU:
		return x.CPU.Times(1 / float64(min(load.Cores, load.Callers)))
	}
	return x.Wall
}

func (r *Results) paced(name string) *Paced {
	for i := range r.Paced {
		if r.Paced[i].Contender == name {
			return &r.Paced[i]
		}
	}
	return &Paced{}
}

func (r *Results) crowd(name string) *Crowd {
	for i := range r.Crowds {
		if r.Crowds[i].Contender == name && r.Crowds[i].Load == Many {
			return &r.Crowds[i]
		}
	}
	return &Crowd{}
}

func (r *Results) timeouts(name string, c contender.Case) *Timeouts {
	for i := range r.Timeouts {
		if r.Timeouts[i].Contender == name && r.Timeouts[i].Case == c && r.Timeouts[i].Load == AllLate {
			return &r.Timeouts[i]
		}
	}
	return &Timeouts{}
}

func (r *Results) footprint(name string, names int, called bool) *Footprint {
	for i := range r.Footprints {
		if f := &r.Footprints[i]; f.Contender == name && f.Names == names && f.Called == called {
			return f
		}
	}
	return &Footprint{}
}

// AllLate is the load of the time-outs: a thousand calls at once.
var AllLate = measure.Load{Cores: 2, Callers: 1000}
