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

// circuitView is what the page says of a circuit. The dashboard beside it tells the rest.
type circuitView struct {
	Name     string         `json:"name"`
	State    quill.State    `json:"state"`
	Override quill.Override `json:"override"` // what lies over it
	Reason   string         `json:"reason"`   // why it last changed
	SinceMS  float64        `json:"sinceMs"`  // how long ago that was
	RetryMS  float64        `json:"retryMs"`  // until the next probe
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
		Name: s.Name, State: s.State, Override: s.Override, Reason: s.LastTransition.Reason, RetryMS: millis(s.RetryAfter),
	}
	if !s.LastTransition.At.IsZero() {
		v.SinceMS = millis(time.Since(s.LastTransition.At))
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
