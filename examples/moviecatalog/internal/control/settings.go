package control

import (
	"errors"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
)

// settingsView are the settings that the page lets one turn, for all guards of the
// catalog at once. Zero turns a rule off where that is possible.
type settingsView struct {
	TimeoutMS     int     `json:"timeoutMs"`
	MaxConcurrent int     `json:"maxConcurrent"`
	Volume        int     `json:"volume"`
	ErrorPercent  float64 `json:"errorPercent"`
	SlowCallMS    int     `json:"slowCallMs"`
	SleepWindowMS int     `json:"sleepWindowMs"`
	LastCalls     int     `json:"lastCalls"`
}

func (p *Panel) settings() settingsView {
	guards := p.guards()
	if len(guards) == 0 {
		return settingsView{}
	}
	return viewSettings(guards[0].Settings())
}

func viewSettings(s quill.Settings) settingsView {
	s = s.WithDefaults()
	return settingsView{
		TimeoutMS: int(s.Timeout.Milliseconds()), MaxConcurrent: s.MaxConcurrent, Volume: s.RequestVolumeThreshold,
		ErrorPercent: s.ErrorPercentThreshold, SlowCallMS: int(s.SlowCallDuration.Milliseconds()),
		SleepWindowMS: int(s.SleepWindow.Milliseconds()), LastCalls: s.RollingCalls,
	}
}

// configure turns the settings of all guards, or of none: quill names the field that is
// out of range.
func (p *Panel) configure(v settingsView) error {
	s := catalog.DefaultSettings
	s.Timeout = ms(v.TimeoutMS)
	s.MaxConcurrent = v.MaxConcurrent
	s.RequestVolumeThreshold = v.Volume
	s.ErrorPercentThreshold = v.ErrorPercent
	s.SlowCallDuration = ms(v.SlowCallMS)
	s.SleepWindow = ms(v.SleepWindowMS)
	s.RollingCalls = v.LastCalls
	if v.TimeoutMS <= 0 || v.SleepWindowMS <= 0 || v.Volume <= 0 || v.ErrorPercent <= 0 || v.MaxConcurrent <= 0 {
		return errors.New("only slowCallMs and lastCalls may be 0")
	}
	all := map[string]quill.Settings{}
	for _, c := range p.guards() {
		all[c.Name()] = s
	}
	return p.reg.Configure(all)
}

func ms(n int) time.Duration { return time.Duration(min(n, 3_600_001)) * time.Millisecond }
