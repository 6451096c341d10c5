package control

import (
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
)

// state is all that the page shows, as JSON.
type state struct {
	TMDB      string         `json:"tmdb"`
	Instances []instanceView `json:"instances"`
	Circuits  []circuitView  `json:"circuits"`
	Traffic   trafficView    `json:"traffic"`
	Settings  settingsView   `json:"settings"`
	Defaults  settingsView   `json:"defaults"`
}

type instanceView struct {
	Name   string       `json:"name"`
	Addr   string       `json:"addr"`
	Up     bool         `json:"up"`
	Words  string       `json:"words"`
	Faults fault.Faults `json:"faults"`
	Served int          `json:"served"`
}

type circuitView struct {
	Name     string      `json:"name"`
	State    quill.State `json:"state"`
	Reason   string      `json:"reason"`  // why it last changed
	SinceMS  float64     `json:"sinceMs"` // how long ago that was
	RetryMS  float64     `json:"retryMs"` // until the next probe
	Requests uint64      `json:"requests"`
	Errors   float64     `json:"errorPercent"`
	Slow     float64     `json:"slowPercent"`
	Volume   int         `json:"volume"`

	ErrorThreshold float64 `json:"errorThreshold"`

	InFlight      int     `json:"inFlight"`
	MaxConcurrent int     `json:"maxConcurrent"`
	Abandoned     int     `json:"abandoned"`
	P50MS         float64 `json:"p50Ms"`
	P99MS         float64 `json:"p99Ms"`

	Counts []count           `json:"counts"` // of the rolling window
	Steps  []quill.StepStats `json:"steps"`  // since the start
}

type count struct {
	Outcome quill.Outcome `json:"outcome"`
	Window  uint64        `json:"window"`
}

func (p *Panel) state() state {
	s := state{
		TMDB: p.tmdb, Traffic: p.traffic.view(), Settings: p.settings(),
		Defaults: viewSettings(catalog.DefaultSettings),
	}
	for _, i := range p.cluster.Instances() {
		f := i.Faults()
		s.Instances = append(s.Instances, instanceView{i.Name(), i.Addr(), i.Up(), f.String(), f, i.Served()})
	}
	for c := range p.reg.All() {
		s.Circuits = append(s.Circuits, viewCircuit(c.Stats()))
	}
	return s
}

func viewCircuit(s quill.Stats) circuitView {
	v := circuitView{
		Name: s.Name, State: s.State, Reason: s.LastTransition.Reason, RetryMS: millis(s.RetryAfter),
		Requests: s.Health.Requests, Errors: s.Health.ErrorPercent, Slow: s.Health.SlowPercent,
		Volume: s.Settings.RequestVolumeThreshold, ErrorThreshold: s.Settings.ErrorPercentThreshold,
		InFlight: s.InFlight, MaxConcurrent: s.Settings.MaxConcurrent, Abandoned: s.Abandoned,
		P50MS: millis(s.Execution.Percentile(50)), P99MS: millis(s.Execution.Percentile(99)),
		Steps: s.Fallbacks,
	}
	if !s.LastTransition.At.IsZero() {
		v.SinceMS = millis(time.Since(s.LastTransition.At))
	}
	for _, o := range quill.Outcomes() {
		v.Counts = append(v.Counts, count{o, s.Window.Of(o)})
	}
	return v
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// guards yields the circuits of the catalog's own calls: those that the page's settings
// are for.
func (p *Panel) guards() []*quill.Circuit {
	var list []*quill.Circuit
	for c := range p.reg.All() {
		if strings.HasPrefix(c.Name(), "catalog.") {
			list = append(list, c)
		}
	}
	return list
}
