// Command conformance plays recordings of what Netflix Hystrix does on quill and compares.
//
//	go run ./internal/conformance FILE...
//	go run ./internal/conformance -write-docs docs/semantics.md FILE
//
// It prints a line for each scenario, in the order of the files:
//
//	ID: agree
//	ID: intended difference: REASON, ...
//	ID: not built: FEATURE
//	ID: DISAGREE: step N (OP) OBSERVATION: want ..., got ...
//
// and a summary. It exits with 1 if a scenario disagrees and with 2 if a file cannot be
// read or played (`go run` says so, and exits with 1 itself). -v shows every observation that differs. The recordings' times pass
// virtually: minutes of them take a second.
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
	"github.com/seed-f7c3343e/quill/internal/conformance/play"
)

// Exit codes.
const (
	exitDisagree   = 1
	exitUnreadable = 2
)

func main() {
	args := os.Args[1:]
	os.Args = os.Args[:1] // not for the testing package, which parses them
	code := 0
	// A bubble of virtual time is for tests only, so the work is done in one.
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "Conformance",
		F: func(t *testing.T) {
			t.Helper()
			code = command(t, args, os.Stdout, os.Stderr)
			os.Exit(code)
		},
	}}, nil, nil)
}

// command is main with everything given. It returns the exit code.
func command(t *testing.T, args []string, out, problems io.Writer) int {
	t.Helper()
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(problems)
	verbose := flags.Bool("v", false, "show every observation that differs")
	docs := flags.String("write-docs", "", "rewrite the generated section of this `page` from one FILE")
	flags.Usage = func() {
		fmt.Fprintln(problems, "usage: conformance [-v] [-write-docs PAGE] FILE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUnreadable
	}
	files, err := load(flags.Args())
	if err == nil && *docs != "" && len(files) != 1 {
		err = errors.New("-write-docs takes one FILE")
	}
	if err != nil {
		fmt.Fprintln(problems, "conformance:", err)
		return exitUnreadable
	}
	var all summary
	for i, f := range files {
		if len(files) > 1 {
			fmt.Fprintln(out, "#", flags.Arg(i))
		}
		reports := playAll(t, f)
		show(out, reports, *verbose)
		all.count(reports)
		if *docs != "" {
			if err := marks.Write(*docs, section(f, reports)); err != nil {
				fmt.Fprintln(problems, "conformance:", err)
				return exitUnreadable
			}
		}
	}
	fmt.Fprintln(out, all.String())
	if all.of[play.Disagree] > 0 {
		return exitDisagree
	}
	return 0
}

// load reads all files before any is played.
func load(paths []string) ([]*oracle.File, error) {
	if len(paths) == 0 {
		return nil, errors.New("no FILE is given (try internal/conformance/testdata/scenarios.json)")
	}
	var files []*oracle.File
	for _, path := range paths {
		f, err := oracle.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, s := range f.Scenarios {
			if err := play.Check(s); err != nil {
				return nil, fmt.Errorf("%s: scenario %q: %w", path, s.ID, err)
			}
		}
		files = append(files, f)
	}
	return files, nil
}

//go:embed testdata/scenarios.json
var inTree []byte

// playAll plays a file's scenarios. Those that the tree has as well are held against it.
func playAll(t *testing.T, f *oracle.File) []*play.Report {
	t.Helper()
	tree, err := oracle.Read(inTree)
	if err != nil {
		panic(err) // cannot be: the tests play it
	}
	known := map[string]*oracle.Scenario{}
	for _, s := range tree.Scenarios {
		known[s.ID] = s
	}
	reports := make([]*play.Report, len(f.Scenarios))
	for i, s := range f.Scenarios {
		reports[i] = play.Play(t, s)
		if known[s.ID] != nil {
			reports[i].HoldAgainst(known[s.ID])
		}
	}
	return reports
}
