package story

import (
	"fmt"
	"io"
	"time"
)

// Progress says which lesson runs and how long the story still takes. On a terminal it
// keeps to one line, which it rewrites; elsewhere it writes a line for each variant.
type Progress struct {
	w        io.Writer
	terminal bool
	left     time.Duration
	count    int
	done     int
	wrote    bool
	spare    time.Duration // for runs that are played again
}

// NewProgress returns a Progress for lessons that writes to w.
func NewProgress(w io.Writer, terminal bool, lessons []Lesson) *Progress {
	p := &Progress{w: w, terminal: terminal, spare: 9 * time.Second}
	for _, l := range lessons {
		for _, v := range l.Variants {
			p.left += v.total()
			p.count++
		}
	}
	return p
}

// Left returns how long the story still takes, as planned.
func (p *Progress) Left() time.Duration { return p.left }

func (p *Progress) start(l Lesson, v Variant) {
	p.done++
	line := fmt.Sprintf("[%2d/%d] lesson %d, %s: %s; protected by: %s (%d s left)",
		p.done, p.count, l.Number, l.Title, v.Broken, v.Label, int(p.left.Round(time.Second)/time.Second))
	p.left -= v.total()
	p.say(line)
}

// again says that v is played once more, and returns false if there is no time for it.
func (p *Progress) again(v Variant) bool {
	if p.spare < v.total() {
		return false
	}
	p.spare -= v.total()
	p.say(fmt.Sprintf("[%2d/%d] the machine was busy with something else: once more", p.done, p.count))
	return true
}

func (p *Progress) say(line string) {
	if p.terminal {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		p.wrote = true
		return
	}
	_, _ = fmt.Fprintln(p.w, line)
}

// End clears the terminal's line.
func (p *Progress) End() {
	if p.wrote {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
