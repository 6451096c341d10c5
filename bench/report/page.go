package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-f7c3343e/quill/bench/contender"
)

// Print shows everything on a terminal.
func Print(w io.Writer, r *Results) {
	fmt.Fprintln(w, Setting(r))
	for _, t := range Tables(r) {
		fmt.Fprint(w, t.Text())
	}
	verdicts := Verdicts(r)
	fmt.Fprintln(w)
	for i := range verdicts {
		v := &verdicts[i]
		fmt.Fprintf(w, "%-12s %-32s %s: %s\n", v.Shown(), v.Path, v.Claim, v.Found())
	}
	fmt.Fprintf(w, "\n%s\n", Counted(verdicts))
}

// Setting says where, when and how often was measured.
func Setting(r *Results) string {
	notes := ""
	if r.Quick {
		notes = " A quick run: it shows that everything works, not what it costs."
	}
	if r.ByCPU {
		notes += " The machine was busy: ratios, verdicts and the plot are by processor time."
	}
	return fmt.Sprintf("%s, %s, %s, %d cores, %s; medians of %d rounds in turns.%s",
		r.Machine.Go, r.Machine.OS, r.Machine.CPU, r.Machine.Cores, r.Machine.Date, r.Rounds, notes)
}

// Write puts the tables between the markers of docs/performance.md, and the plot beside it.
// A quick run is not worth writing down.
func Write(root string, r *Results) error {
	if r.Quick {
		return nil
	}
	plot := filepath.Join(root, "docs", "images", "bench.svg")
	if err := os.WriteFile(plot, []byte(Plot(r)), 0o644); err != nil { //nolint:gosec // a page's picture
		return err
	}
	return Between(filepath.Join(root, "docs", "performance.md"), "bench", page(r))
}

func page(r *Results) string {
	var b strings.Builder
	verdicts := Verdicts(r)
	fmt.Fprintf(&b, "%s %s.\n\n", Setting(r), Counted(verdicts))
	b.WriteString("| path | claim | found (quartiles) | |\n|---|---|--:|---|\n")
	path := ""
	for i := range verdicts {
		v := &verdicts[i]
		shown := v.Path
		if shown == path {
			shown = ""
		}
		path = v.Path
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", shown, v.Claim, v.Found(), v.Shown())
	}
	for _, t := range Tables(r) {
		b.WriteString("\n" + t.Markdown())
	}
	b.WriteString("\n### The others\n\n| module | version | released |\n|---|---|---|\n")
	b.WriteString(peerRows())
	return b.String()
}

func peerRows() string {
	versions := contender.Versions()
	var modules []string
	for _, c := range contender.All() {
		if c.Module != "" && !slices.Contains(modules, c.Module) {
			modules = append(modules, c.Module)
		}
	}
	var b strings.Builder
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m, versions[m], contender.Released[m])
	}
	return b.String()
}

// Between replaces what stands between the markers <!-- NAME:begin --> and <!-- NAME:end -->
// of a page.
func Between(path, name, text string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	before, rest, found := strings.Cut(string(data), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has no %s and %s", path, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(path, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644) //nolint:gosec // a page
}
