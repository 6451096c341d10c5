package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// row is one program's line of the table.
type row struct {
	program

	original, ours result
}

// problem says why the program has not come over whole, or "".
func (r row) problem() string {
	switch {
	case !r.ours.green:
		return fmt.Sprintf("%d of its tests failed on quill", r.ours.failed)
	case r.ours.passed == 0:
		return "no test ran"
	case r.ours.passed < r.original.passed:
		return fmt.Sprintf("%d tests passed on quill, %d on the original", r.ours.passed, r.original.passed)
	}
	return ""
}

// say is a result in a few words.
func (r result) say() string {
	words := []string{fmt.Sprintf("%d passed", r.passed)}
	if r.failed > 0 {
		words = append(words, fmt.Sprintf("%d failed", r.failed))
	}
	if r.skipped > 0 {
		words = append(words, fmt.Sprintf("%d skipped", r.skipped))
	}
	if !r.green && r.failed == 0 {
		words = append(words, "does not build")
	}
	if r.attempt > 1 {
		words = append(words, fmt.Sprintf("in run %d", r.attempt))
	}
	return strings.Join(words, ", ")
}

// table is the rows for people to read.
func table(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "program\tversion\tpackage\ton hystrix-go\ton quill\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.module, r.version, r.packages, r.original.say(), r.ours.say(), r.note)
	}
	_ = w.Flush() // into memory
	return b.String()
}
