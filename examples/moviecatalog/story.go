package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/story"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

const storyUsage = `Usage: moviecatalog story [flags]

Plays the seven lessons, each on services of its own on free ports, with a stand-in for
The Movie Database, and measures them. Exits with 1 if a lesson's claim is not borne out.

The flags -volume, -error-percent, -sleep-window, -slow-call, -last-calls and -window add
a row with your settings to lesson 3.`

type storyFlags struct {
	json    bool
	report  string
	only    int
	verbose bool
	turned  story.Settings
}

func parseStory(args []string, stderr io.Writer) (storyFlags, error) {
	var f storyFlags
	fs := flag.NewFlagSet("story", flag.ContinueOnError)
	fs.BoolVar(&f.json, "json", false, "print the figures as JSON")
	fs.StringVar(&f.report, "report", "", "also write a page with each lesson's timeline to this `file`")
	fs.IntVar(&f.only, "lesson", 0, "play only this lesson, `1 to 7` (default all)")
	fs.BoolVar(&f.verbose, "v", false, "show the services' log")
	fs.IntVar(&f.turned.Volume, "volume", 0, "lesson 3: judge from so many calls on (default 20)")
	fs.Float64Var(&f.turned.ErrorPercent, "error-percent", 0, "lesson 3: open at so many per cent of errors (default 50)")
	fs.DurationVar(&f.turned.SleepWindow, "sleep-window", 0, "lesson 3: probe after so long (default 500ms)")
	fs.DurationVar(&f.turned.SlowCall, "slow-call", 0, "lesson 3: so long is too slow, such as 150ms (default: no rule)")
	fs.IntVar(&f.turned.LastCalls, "last-calls", 0, "lesson 3: judge the last so many calls (default: a time window)")
	fs.DurationVar(&f.turned.Window, "window", 0, "lesson 3: judge the calls of the last so long (default 10s)")
	if err := parse(fs, args, stderr, storyUsage); err != nil {
		return f, err
	}
	if f.only < 0 || f.only > 7 {
		return f, usageError{fmt.Errorf("-lesson %d: there are lessons 1 to 7", f.only)}
	}
	if err := f.turned.Validate(); err != nil {
		return f, usageError{fmt.Errorf("lesson 3 with your settings: %w", err)}
	}
	return f, nil
}

// play is the command "story".
func play(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, err := parseStory(args, stderr)
	if err != nil {
		return err
	}
	lessons := story.Lessons(f.turned)
	if f.only > 0 {
		lessons = lessons[f.only-1 : f.only]
	}
	var report *os.File
	if f.report != "" {
		if report, err = os.Create(f.report); err != nil {
			return fmt.Errorf("-report: %w", err) // before a minute is spent on it
		}
	}
	log := slog.New(slog.DiscardHandler)
	if f.verbose {
		log = slog.New(web.Throttle(slog.NewTextHandler(stderr, nil), time.Second))
	}
	progress := story.NewProgress(stderr, isTerminal(stderr) && !f.verbose, lessons)
	_, _ = fmt.Fprintf(stderr, "The story takes about %.0f s. It uses a stand-in for The Movie Database and free ports.\n",
		progress.Left().Seconds())
	rows, err := story.Play(ctx, lessons, log, progress)
	progress.End()
	if err != nil {
		_ = report.Close()
		if ctx.Err() != nil {
			return errors.New("the story was ended before its end")
		}
		return err
	}
	verdicts := story.Check(rows)
	return errors.Join(
		show(f, stdout, lessons, rows, verdicts), // first, so that no failure of the report hides the figures
		writeReport(report, stderr, lessons, rows, verdicts),
		story.Failed(verdicts, rows))
}

func show(f storyFlags, stdout io.Writer, lessons []story.Lesson, rows []story.Row, verdicts []story.Verdict) error {
	if f.json {
		return story.WriteJSON(stdout, rows)
	}
	return story.WriteTable(stdout, lessons, rows, verdicts)
}

func writeReport(file *os.File, stderr io.Writer, lessons []story.Lesson, rows []story.Row, verdicts []story.Verdict) error {
	if file == nil {
		return nil
	}
	err := errors.Join(story.WriteReport(file, lessons, rows, verdicts), file.Close())
	if err != nil {
		return fmt.Errorf("-report: %w", err)
	}
	path, err := filepath.Abs(file.Name())
	if err != nil {
		path = file.Name()
	}
	_, _ = fmt.Fprintln(stderr, "report: file://"+filepath.ToSlash(path))
	return nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
