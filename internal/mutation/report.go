package main

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/seed-f7c3343e/quill/internal/docpage"
)

// tally counts verdicts.
type tally map[string]int

func count(mutants []*mutant, file string) tally {
	n := tally{}
	for _, m := range mutants {
		if file == "" || m.File == file {
			n[m.Verdict]++
		}
	}
	return n
}

// efficacy is the share of the killed among those killed and alive, in per cent.
func (t tally) efficacy() float64 {
	if t[killed] == 0 {
		return 0
	}
	return 100 * float64(t[killed]) / float64(t[killed]+t[lived])
}

func (t tally) row(name, between string) string {
	share := "-"
	if t[killed]+t[lived] > 0 {
		share = fmt.Sprintf("%.1f %%", t.efficacy())
	}
	cells := []string{name}
	for _, verdict := range []string{killed, lived, timedOut, bare, invalid, ""} {
		cells = append(cells, strconv.Itoa(t[verdict]))
	}
	return strings.Join(append(cells, share), between)
}

var columns = []string{"file", "killed", "alive", "time limit", "not reached", "not viable", "not tried", "efficacy"}

// report prints what lives, the table and the total, and tells whether the target is met.
func report(name string, mutants []*mutant, out io.Writer) bool {
	fmt.Fprintln(out)
	for _, m := range mutants {
		if m.Verdict == lived || m.Verdict == timedOut {
			fmt.Fprintf(out, "%s: %s\n", m, m.Verdict)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s\n", strings.Join(columns, "\t"))
	for _, file := range files(mutants) {
		fmt.Fprintln(w, count(mutants, file).row(file, "\t"))
	}
	total := count(mutants, "")
	fmt.Fprintln(w, total.row("all", "\t"))
	_ = w.Flush()
	fmt.Fprintf(out, "\n%d killed, %d lived, %d ran into the time limit, %d that no test reaches, %d not viable, %d not tried yet\n",
		total[killed], total[lived], total[timedOut], total[bare], total[invalid], total[""])
	good := total.efficacy() >= target
	verdict := map[bool]string{true: "pass", false: "FAIL"}[good]
	fmt.Fprintf(out, "mutation: %s: %.1f %% of %d mutants killed, %d ran into the time limit\n",
		name, total.efficacy(), total[killed]+total[lived], total[timedOut])
	fmt.Fprintf(out, "%s: the target is %d %%\n", verdict, target)
	return good
}

// marks are those of the table in docs/reliability.md.
var marks = docpage.Marks{
	Begin: "<!-- mutation: written by `make mutation WRITE=1` -->",
	End:   "<!-- end of mutation -->",
}

func writePage(page string, mutants []*mutant, oldest string) error {
	var table strings.Builder
	fmt.Fprintf(&table, "\n| %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)-1))
	for _, file := range files(mutants) {
		fmt.Fprintf(&table, "| %s |\n", count(mutants, file).row(file, " | "))
	}
	fmt.Fprintf(&table, "| %s |\n\nOn %s with %s on %d cores (%s/%s); the oldest verdict is of %s.\n\n",
		count(mutants, "").row("all", " | "), today(), runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, oldest)
	return marks.Write(page, table.String())
}
