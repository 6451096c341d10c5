package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
)

// Table is a title, a head and rows, to be shown on a terminal or on a page.
type Table struct {
	Title string
	Note  string
	Head  []string
	Rows  [][]string
}

// Text aligns the columns for a terminal: the first to the left, the rest to the right.
func (t *Table) Text() string {
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, s := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(s))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", t.Title)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, s := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(s))
			switch i {
			case 0:
				b.WriteString("  " + s + pad)
			default:
				b.WriteString("  " + pad + s)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Markdown is the table for a page.
func (t *Table) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.Title)
	if t.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Note)
	}
	fmt.Fprintf(&b, "| %s |\n|---|%s\n", strings.Join(t.Head, " | "), strings.Repeat("--:|", len(t.Head)-1))
	for _, row := range t.Rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

// Tables are all that was measured.
func Tables(r *Results) []Table {
	var all []Table
	for _, c := range []contender.Case{
		contender.Success, contender.MayCancel, contender.Open, contender.Failure, contender.Waits,
		contender.Async, contender.Deep,
	} {
		all = append(all, caseTable(r, c))
	}
	all = append(all, crowdTable(r), timeoutTable(r), pacedTable(r), footprintTable(r))
	var filled []Table
	for _, t := range all {
		if len(t.Rows) > 0 {
			filled = append(filled, t)
		}
	}
	return filled
}

// caseTable shows a closed loop under each load, and how many times what quill takes.
func caseTable(r *Results, c contender.Case) Table {
	t := Table{
		Title: titles[c],
		Head: []string{
			"ns a call", "1 core", "2 cores", "64 callers", "4,096 callers", "CPU, 1 core", "allocs",
			"÷ Semaphore", "÷ Pool", "wrong",
		},
	}
	semaphore, pool := r.wall(c, contender.Semaphore, Alone), r.wall(c, contender.Pool, Alone)
	for i := range r.Cells {
		x := &r.Cells[i]
		if x.Case != c || x.Load != Alone {
			continue
		}
		row := []string{x.Contender}
		wrong, calls := 0, 0
		for _, load := range AllLoads {
			y := r.Cell(c, x.Contender, load)
			if y == nil {
				row = append(row, "")
				continue
			}
			row = append(row, digits(y.Wall.Median()))
			wrong, calls = wrong+y.Wrong, calls+y.Calls
		}
		row = append(row, digits(x.CPU.Median()), strconv.FormatUint(x.Allocs, 10),
			ratio(r.wall(c, x.Contender, Alone), semaphore), ratio(r.wall(c, x.Contender, Alone), pool), share(wrong, calls))
		t.Rows = append(t.Rows, row)
	}
	return t
}

var titles = map[contender.Case]string{
	contender.Success:   "Success",
	contender.MayCancel: "Success, under a context that its caller can cancel",
	contender.Open:      "Open, a fallback value answers",
	contender.Failure:   "Failure, a fallback value answers",
	contender.Waits:     "Run waits on its context (a select with a channel that is ready)",
	contender.Async:     "Submit and await",
	contender.Deep:      "Run needs 20 KB of stack",
}

func ratio(s, to measure.Samples) string {
	if over := s.Over(to); len(over) > 0 {
		return digits(over.Median())
	}
	return ""
}

func share(part, whole int) string {
	switch {
	case part == 0:
		return "0"
	case part*10_000 < whole:
		return "< 0.01 %"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(part)/float64(whole))
}

func crowdTable(r *Results) Table {
	t := Table{
		Title: "Single calls in a crowd",
		Head:  []string{"ns", "2 callers, p50", "p99.9", "4,096 callers, p50", "p99.9", "wrong"},
	}
	for i := range r.Crowds {
		few := &r.Crowds[i]
		if few.Load != Both {
			continue
		}
		row := []string{few.Contender, digits(few.P50.Median()), digits(few.P999.Median()), "", ""}
		wrong := few.Wrong
		for j := range r.Crowds {
			if many := &r.Crowds[j]; many.Contender == few.Contender && many.Load == Many {
				row[3], row[4] = digits(many.P50.Median()), digits(many.P999.Median())
				wrong += many.Wrong
			}
		}
		t.Rows = append(t.Rows, append(row, strconv.Itoa(wrong)))
	}
	return t
}

func timeoutTable(r *Results) Table {
	t := Table{
		Title: "Calls that all time out after 1 ms",
		Head: []string{
			"how late the caller is back, ms", "cores", "callers", "median", "p99", "goroutines beside the callers, most",
			"when all are back", "wrong",
		},
	}
	for i := range r.Timeouts {
		x := &r.Timeouts[i]
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("%s; %s", x.Contender, x.Case), strconv.Itoa(x.Load.Cores), Number(int64(x.Load.Callers)),
			digits(x.P50.Median() / 1e6), digits(x.P99.Median() / 1e6), digits(x.Peak.Median()), digits(x.Goroutines.Median()),
			strconv.Itoa(x.Wrong),
		})
	}
	return t
}

func pacedTable(r *Results) Table {
	t := Table{
		Title: "10,000 calls a second, on schedule",
		Note: "p50, p99 and p99.9 are medians of the slices of a second; \"added\" is the median of what each slice has more than " +
			"the direct call's slice of the same round has at the same percentile. A slice is too short for p99.99: it is of all " +
			"slices of a contender together, and what is added there the difference of these two figures alone.",
		Head: []string{
			"µs from the schedule to the answer", "p50", "added", "p99", "added", "p99.9", "added", "p99.99 of all", "added",
			"pacer's own, p50", "wrong",
		},
	}
	floor := r.paced(contender.Direct)
	for i := range r.Paced {
		x := &r.Paced[i]
		row := []string{x.Contender}
		for _, p := range []struct{ ours, direct measure.Samples }{
			{x.P50, floor.P50},
			{x.P99, floor.P99},
			{x.P999, floor.P999},
			{measure.Samples{x.P9999}, measure.Samples{floor.P9999}},
		} {
			row = append(row, digits(p.ours.Median()/1e3), digits(p.ours.Minus(p.direct).Median()/1e3))
		}
		t.Rows = append(t.Rows, append(row, digits(x.Own/1e3), strconv.Itoa(x.Wrong)))
	}
	return t
}

func footprintTable(r *Results) Table {
	t := Table{
		Title: "Commands that rest",
		Head:  []string{"of each", "names", "creation, µs", "CPU", "bytes", "goroutines", "all, MB"},
	}
	for i := range r.Footprints {
		x := &r.Footprints[i]
		name := x.Contender
		if x.Called {
			name += ", called once"
		}
		t.Rows = append(t.Rows, []string{
			name, digits(float64(x.Names)), digits(x.Creation.Median() / 1e3), digits(x.CPU.Median() / 1e3), digits(x.Bytes.Median()),
			digits(x.Goroutines.Median()), digits(x.Heap.Median() / 1e6),
		})
	}
	return t
}
