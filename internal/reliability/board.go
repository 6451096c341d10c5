package main

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seed-f7c3343e/quill/internal/docpage"
)

// figure is one line of the scoreboard.
type figure struct {
	name, target, value string
	ok, absent          bool
	seed                string // "-" where chance has no part
}

type board []figure

func (f figure) verdict() string {
	switch {
	case f.absent:
		return "absent"
	case f.ok:
		return "pass"
	}
	return "FAIL"
}

func (b board) failed() int {
	n := 0
	for _, f := range b {
		if !f.ok && !f.absent {
			n++
		}
	}
	return n
}

// good tells whether all figures reach their target. CI has all it takes to measure them.
func (b board) good(ci bool) bool { return b.failed() == 0 && (!ci || len(b.named("absent")) == 0) }

// summary is the last line.
func (b board) summary(ci bool) string {
	failed, absent := b.named("FAIL"), b.named("absent")
	reached := len(b) - len(failed) - len(absent)
	if reached == len(b) {
		return fmt.Sprintf("all %d figures reach their target", len(b))
	}
	text := fmt.Sprintf("%d of %d figures reach their target", reached, len(b))
	if len(absent) > 0 {
		text += fmt.Sprintf(", %d could not be measured: %s", len(absent), strings.Join(absent, ", "))
		if ci {
			text += " (a failure in CI)"
		}
	}
	if len(failed) > 0 {
		text += fmt.Sprintf("; %d miss it: %s", len(failed), strings.Join(failed, ", "))
	}
	return text
}

func (b board) named(verdict string) []string {
	var names []string
	for _, f := range b {
		if f.verdict() == verdict {
			names = append(names, f.name)
		}
	}
	return names
}

// limitTime adds how long all of it took. The limit is for two processors that have nothing
// else to do; on a machine that is busy or slower it may be missed, and that is told as what
// it is.
func (b board) limitTime(took time.Duration) board {
	const most = 8 * time.Minute
	f := figure{
		name: "time of all this on 2 idle cores", target: "< 480 s", seed: "-",
		value: fmt.Sprintf("%.0f s", took.Seconds()), ok: took < most,
	}
	if !f.ok {
		f.value += " (on this machine, now)"
	}
	return append(b, f)
}

// text is the scoreboard for a terminal.
func (b board) text() string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\ttarget\tvalue\tverdict\tseed")
	for _, f := range b {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.name, f.target, f.value, f.verdict(), f.seed)
	}
	_ = w.Flush()
	return out.String()
}

// markdown is the scoreboard for a page.
func (b board) markdown() string {
	var out strings.Builder
	out.WriteString("| figure | target | value | verdict | seed |\n|---|---|---|---|---|\n")
	for _, f := range b {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", f.name, cell(f.target), cell(f.value), f.verdict(), f.seed)
	}
	return out.String()
}

// cell keeps what a value may contain from ending its cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// marks are those of the scoreboard in docs/reliability.md.
var marks = docpage.Marks{
	Begin: "<!-- scoreboard: written by `make reliability WRITE=1` -->",
	End:   "<!-- end of the scoreboard -->",
}

func writePage(path string, b board) error { return marks.Write(path, "\n"+b.markdown()+"\n") }
