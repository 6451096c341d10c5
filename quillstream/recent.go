package quillstream

import (
	"time"

	"github.com/seed-f7c3343e/quill"
)

// look is what one look at a circuit found: calls since it was made, and how many ran just
// then.
type look struct {
	at                time.Duration
	ignored, answered uint64 // answered by a fallback
	unanswered        quill.Unanswered
	inFlight          int
}

func lookAt(s *quill.Stats, at time.Duration) look {
	l := look{at: at, ignored: s.Total.Ignored, unanswered: s.Unanswered, inFlight: s.InFlight}
	for _, step := range s.Fallbacks {
		l.answered += step.Answered
	}
	return l
}

// recent is what happened between two looks a window apart: for what a circuit counts only
// since it was made, and for the most calls at once.
type recent struct {
	ignored, answered uint64
	unanswered        quill.Unanswered
	peak              int
}

// thrown are the calls whose caller got an error: Hystrix's EXCEPTION_THROWN.
func (r recent) thrown() uint64 { return r.ignored + r.unanswered.Total() }

func less(a, b uint64) uint64 { return a - min(a, b) }

// looks are the looks of the last window, oldest first: what came before it is the first,
// if somebody looked then.
type looks []look

// grain bounds how many looks are kept, however long the window.
const grain = 60

// add takes the newest look and returns what happened in the window before it, or since the
// look before, if that is longer ago; looks come every tick. Since a
// circuit is looked at only while somebody reads the stream, the window may have begun
// before the first look: what happened in between is not known and not counted.
func (h *looks) add(now look, window, tick time.Duration) recent {
	kept := *h
	for len(kept) > 1 && kept[1].at <= now.at-window {
		kept = kept[1:]
	}
	// One look before the window is close enough to its beginning; an earlier one is not.
	for len(kept) > 0 && kept[0].at < now.at-window-window/grain-2*tick {
		kept = kept[1:]
	}
	if n := len(kept); n > 0 && now.at-kept[n-1].at < window/grain {
		kept[n-1].inFlight = max(kept[n-1].inFlight, now.inFlight)
	} else {
		kept = append(kept, now)
	}
	*h = kept
	first := kept[0]
	r := recent{
		ignored:  less(now.ignored, first.ignored),
		answered: less(now.answered, first.answered),
		unanswered: quill.Unanswered{
			Missing:  less(now.unanswered.Missing, first.unanswered.Missing),
			Failed:   less(now.unanswered.Failed, first.unanswered.Failed),
			Rejected: less(now.unanswered.Rejected, first.unanswered.Rejected),
		},
		peak: now.inFlight,
	}
	for _, l := range kept {
		if l.at > now.at-window {
			r.peak = max(r.peak, l.inFlight)
		}
	}
	return r
}
