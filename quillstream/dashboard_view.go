package quillstream

import (
	"math"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// The JSON that the page reads. Durations are milliseconds, so that the page can count
// with them.

// snapshotView is all commands of all processes at one moment.
type snapshotView struct {
	Admin bool       `json:"admin"` // whether changes can be asked for
	Hosts []hostView `json:"hosts"` // this process first
}

// hostView are the commands of one process.
type hostView struct {
	Host     string        `json:"host"`
	Self     bool          `json:"self"`
	Error    string        `json:"error,omitempty"` // why it cannot be shown
	AgeMS    float64       `json:"ageMs"`           // of what is shown
	Hidden   int           `json:"hidden"`          // commands beyond the most that are shown
	Commands []commandView `json:"commands"`
}

type commandView struct {
	Name           string         `json:"name"`
	State          quill.State    `json:"state"`
	Override       quill.Override `json:"override"`
	OverrideReason string         `json:"overrideReason,omitempty"`
	OverrideLeftMS float64        `json:"overrideLeftMs"`
	Open           bool           `json:"open"` // calls are refused as things stand
	RetryMS        float64        `json:"retryMs"`
	Reason         string         `json:"reason,omitempty"` // of the last transition
	SinceMS        float64        `json:"sinceMs"`          // how long ago that was; 0: never

	Rate         float64      `json:"rate"` // calls a second over the window
	ErrorPercent float64      `json:"errorPercent"`
	SlowPercent  float64      `json:"slowPercent"`
	Requests     uint64       `json:"requests"` // that the breaker judges
	Volume       int          `json:"volume"`
	OpensAt      float64      `json:"opensAt"`     // per cent of errors
	OpensAtSlow  float64      `json:"opensAtSlow"` // per cent of slow calls; 0: no such rule
	Window       quill.Counts `json:"window"`
	Total        uint64       `json:"total"`

	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Mean float64 `json:"mean"`

	InFlight      int `json:"inFlight"`
	MaxConcurrent int `json:"maxConcurrent"` // -1: unlimited
	Queued        int `json:"queued"`
	QueueSize     int `json:"queueSize"`
	Abandoned     int `json:"abandoned"`
	Probes        int `json:"probes"`

	Steps  []stepView   `json:"steps,omitempty"`
	Shadow *shadowView  `json:"shadow,omitempty"`
	Faults []faultsView `json:"faults,omitempty"` // what should be 0 and is not
}

// stepView is one fallback step. Recent is what it answered in the last minute.
type stepView struct {
	quill.StepStats

	Recent uint64 `json:"recent"`
}

type faultsView struct {
	What  string `json:"what"`
	Count uint64 `json:"count"`
}

func viewCommand(s quill.Stats) commandView {
	v := commandView{
		Name: s.Name, State: s.State, Override: s.Override, OverrideReason: s.OverrideReason,
		OverrideLeftMS: millis(s.OverrideLeft), Open: s.Open(), RetryMS: millis(s.RetryAfter),
		Reason: s.LastTransition.Reason,

		Rate:         rounded(float64(s.Window.Total()) / s.Settings.RollingWindow.Seconds()),
		ErrorPercent: s.Health.ErrorPercent, SlowPercent: s.Health.SlowPercent, Requests: s.Health.Requests,
		Volume: s.Settings.RequestVolumeThreshold, OpensAt: s.Settings.ErrorPercentThreshold,
		Window: s.Window, Total: s.Total.Total(),

		P50: millis(s.Execution.Percentile(50)), P90: millis(s.Execution.Percentile(90)),
		P99: millis(s.Execution.Percentile(99)), Mean: millis(s.Execution.Mean()),

		InFlight: s.InFlight, MaxConcurrent: s.Settings.MaxConcurrent, Queued: s.Queued,
		QueueSize: s.Settings.QueueSize, Abandoned: s.Abandoned, Probes: s.Probes,
		Faults: viewFaults(s),
	}
	if s.Settings.SlowCallDuration > 0 {
		v.OpensAtSlow = s.Settings.SlowCallPercentThreshold
	}
	if !s.LastTransition.At.IsZero() {
		v.SinceMS = max(1, millis(time.Since(s.LastTransition.At)))
	}
	for _, step := range s.Fallbacks {
		v.Steps = append(v.Steps, stepView{StepStats: step})
	}
	return v
}

func viewFaults(s quill.Stats) []faultsView {
	var all []faultsView
	for _, f := range []faultsView{
		{"Panics", s.Panics},
		{"Hook panics", s.HookPanics},
		{"Late results", s.LateResults},
		{"Store errors", s.StoreErrors},
		{"Dropped notices", s.NotificationsDropped},
		{"Refused settings", s.ConfigRejected},
	} {
		if f.Count > 0 {
			all = append(all, f)
		}
	}
	return all
}

// millis is d in milliseconds, to a thousandth.
func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// rounded keeps two digits after the point.
func rounded(v float64) float64 { return math.Round(v*100) / 100 }

// snapshot looks at the circuits of this process and, if asked to, at what the other ones
// said last.
func (b *Board) snapshot(all bool) snapshotView {
	v := snapshotView{Admin: b.admin.Authorize != nil, Hosts: []hostView{b.ownHost()}}
	if all {
		for _, s := range b.sources {
			v.Hosts = append(v.Hosts, s.host())
		}
	}
	return v
}

func (b *Board) ownHost() hostView {
	h := hostView{Host: b.host, Self: true, Commands: []commandView{}}
	picked, hidden := pick(b.registry)
	h.Hidden = hidden
	for _, c := range picked {
		h.Commands = append(h.Commands, b.viewCircuit(c))
	}
	return h
}

func (b *Board) viewCircuit(c *quill.Circuit) commandView {
	v := viewCommand(c.Stats())
	b.history.fillRecent(c, v.Steps)
	v.Shadow = viewShadow(c)
	return v
}

// mostCommands is how many commands of a process are shown.
const mostCommands = 1000

// pick returns the circuits to show and how many are not: all, or if there are too many
// those that are not closed before those that are, each by name.
func pick(r *quill.Registry) (picked []*quill.Circuit, hidden int) {
	var closed []*quill.Circuit
	crowded := r.Len() > mostCommands
	for c := range r.All() {
		if crowded && c.State() == quill.Closed {
			closed = append(closed, c)
			continue
		}
		picked = append(picked, c)
	}
	hidden = max(0, len(picked)+len(closed)-mostCommands)
	picked = append(picked, closed...)
	return picked[:min(len(picked), mostCommands)], hidden
}
