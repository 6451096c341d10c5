package story

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// limit is when the story shall be over, on a busy machine too: a run is played again
// only if all can be done by then.
const limit = 85 * time.Second

// width is the most that a line may take: one that wraps cannot be rewritten.
const width = 79

// Progress says which lesson runs and how long the story still takes. On a terminal it
// keeps to one line, which it rewrites each second; elsewhere it writes a line for each
// variant.
type Progress struct {
	w        io.Writer
	terminal bool
	count    int
	done     int
	began    time.Time

	mu   sync.Mutex
	line string
	left time.Duration // of the variants that have not begun
	ends time.Time     // when the one under way should be over
	stop chan struct{} // non-nil while the line is being rewritten
}

// NewProgress returns a Progress for lessons that writes to w.
func NewProgress(w io.Writer, terminal bool, lessons []Lesson) *Progress {
	p := &Progress{w: w, terminal: terminal}
	for _, l := range lessons {
		for _, v := range l.Variants {
			p.left += v.total()
			p.count++
		}
	}
	return p
}

// Left returns how long the story still takes, as planned.
func (p *Progress) Left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.remaining()
}

func (p *Progress) remaining() time.Duration {
	if p.ends.IsZero() {
		return p.left
	}
	return p.left + max(time.Until(p.ends), 0)
}

func (p *Progress) start(l Lesson, v Variant) {
	p.done++
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began.IsZero() {
		p.began = time.Now()
	}
	p.left -= v.total()
	p.say(fmt.Sprintf("lesson %d: %s", l.Number, v.Label), v)
}

// again says that v is played once more, and returns false if there is no time for it.
func (p *Progress) again(v Variant) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.began)+p.left+v.total() > limit {
		return false
	}
	p.say("the machine was busy with something else: once more", v)
	return true
}

// say needs p.mu.
func (p *Progress) say(line string, v Variant) {
	p.line, p.ends = line, time.Now().Add(v.total())
	p.write()
	if p.terminal && p.stop == nil {
		p.stop = make(chan struct{})
		go p.rewrite(p.stop)
	}
}

func (p *Progress) write() {
	head := fmt.Sprintf("[%2d/%d] %2d s left  ", p.done, p.count, int(p.remaining().Round(time.Second)/time.Second))
	line := []rune(head + p.line)
	text := string(line[:min(len(line), width)])
	if p.terminal {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", text)
		return
	}
	_, _ = fmt.Fprintln(p.w, text)
}

func (p *Progress) rewrite(stop <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		p.mu.Lock()
		if p.stop != nil {
			p.write()
		}
		p.mu.Unlock()
	}
}

// End clears the terminal's line. Nothing is written after it.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		close(p.stop)
		p.stop = nil
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}
