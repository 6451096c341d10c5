package quillstream

import (
	"time"

	"github.com/seed-f7c3343e/quill"
)

// shadowView is what the candidate of a command would have done.
type shadowView struct {
	State             quill.State `json:"state"`
	SinceMS           float64     `json:"sinceMs"`
	Calls             uint64      `json:"calls"`
	ShortCircuited    uint64      `json:"shortCircuited"`
	Rejected          uint64      `json:"rejected"`
	TimedOut          uint64      `json:"timedOut"`
	RefusedFailed     uint64      `json:"refusedFailed"`
	RefusedSucceeded  uint64      `json:"refusedSucceeded"`
	TimedOutSucceeded uint64      `json:"timedOutSucceeded"`
	Line              string      `json:"line"`
	Words             []string    `json:"words"`
}

func viewShadow(c *quill.Circuit) *shadowView {
	s, ok := c.Shadow()
	if !ok {
		return nil
	}
	return &shadowView{
		State: s.State, SinceMS: millis(time.Since(s.Since)), Calls: s.Calls,
		ShortCircuited: s.ShortCircuited, Rejected: s.Rejected, TimedOut: s.TimedOut,
		RefusedFailed: s.RefusedFailed, RefusedSucceeded: s.RefusedSucceeded,
		TimedOutSucceeded: s.TimedOutSucceeded, Line: s.Explanation.Line(), Words: s.Settings.InWords(),
	}
}
