// Command dropin runs the tests of real programs that use hystrix-go on quill: their
// published zips, unchanged but for one replace line in go.mod, under the race detector. It
// runs them on the original as well and prints both as a table. It fails when a program's
// tests fail on quill, or run fewer tests than on the original. Run it as `make dropin`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	replacement := flag.String("replacement", "compat/hystrix-go", "directory that stands in for "+theirs)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *replacement)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dropin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, replacement string) error {
	replacement, err := filepath.Abs(replacement)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(replacement, "go.mod")); err != nil {
		return fmt.Errorf("the replacement has no go.mod, without which no replace line can name it: %w", err)
	}
	var rows []row
	for _, p := range programs {
		r, err := compare(ctx, p, replacement)
		if err != nil {
			return fmt.Errorf("%s %s: %w", p.module, p.version, err)
		}
		rows = append(rows, r)
	}
	fmt.Print(table(rows))
	for _, r := range rows {
		if problem := r.problem(); problem != "" {
			return fmt.Errorf("%s %s: %s; its output:\n%s", r.module, r.version, problem, r.ours.output)
		}
	}
	return nil
}
