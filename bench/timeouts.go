package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// timeout is after what the calls that all time out do so.
const timeout = time.Millisecond

// timeouts measures calls that all time out, each time in a fresh process: what an earlier
// measurement left behind, such as workers that stay warm, would hide how many goroutines
// this one makes.
func (p plan) timeouts(r *report.Results) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	rows := timeoutRows()
	p.turns(len(rows), func(i int) {
		if err != nil {
			return
		}
		var t lateness
		row := &rows[i]
		if err = inProcess(&t, self, "timeouts", "-contender", row.Contender, "-case", row.Case.String(),
			"-cores", strconv.Itoa(row.Load.Cores), "-callers", strconv.Itoa(row.Load.Callers)); err == nil {
			row.P50, row.P99 = append(row.P50, t.P50), append(row.P99, t.P99)
			row.Peak, row.Goroutines = append(row.Peak, t.Peak), append(row.Goroutines, t.Staying)
			row.Wrong += t.Wrong
		}
	})
	r.Timeouts = rows
	return err
}

// timeoutRows are who is measured, and under what load.
func timeoutRows() []report.Timeouts {
	loads := map[contender.Case][]measure.Load{
		contender.TimesOut: {{Cores: 1, Callers: report.AllLate.Callers}, report.AllLate, report.Dozens, report.Many},
		contender.Stuck:    {{Cores: 1, Callers: report.AllLate.Callers}, report.AllLate, report.Dozens, report.Many},
	}
	var rows []report.Timeouts
	for _, c := range []contender.Case{contender.TimesOut, contender.Stuck} {
		for _, load := range loads[c] {
			all := contenders(c, load, timeout)
			for _, x := range all {
				rows = append(rows, report.Timeouts{Contender: x.name, Case: c, Load: load})
			}
			releaseAll(all)
		}
	}
	return rows
}

// lateness is what the fresh process says.
type lateness struct {
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Peak    float64 `json:"peak"`
	Staying float64 `json:"staying"`
	Wrong   int     `json:"wrong"`
}

// timeoutsCommand is the fresh process. It measures twice, and tells the second time: the
// first call of a process waits for its code.
func timeoutsCommand(args []string) error {
	flags := flag.NewFlagSet("bench timeouts", flag.ContinueOnError)
	name := flags.String("contender", contender.Semaphore, "who is called")
	caseName := flags.String("case", contender.TimesOut.String(), "what happens")
	cores := flags.Int("cores", report.AllLate.Cores, "how many cores Go may use")
	callers := flags.Int("callers", report.AllLate.Callers, "how many call at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := contender.ParseCase(*caseName)
	if err != nil {
		return err
	}
	if !slices.Contains([]contender.Case{contender.TimesOut, contender.Stuck}, c) {
		return fmt.Errorf("in the case %q nothing times out", c)
	}
	var t measure.Timeouts
	for range 2 {
		all := contenders(c, measure.Load{Cores: *cores, Callers: *callers}, timeout, *name)
		if len(all) == 0 {
			return fmt.Errorf("there is no contender %q in the case %q", *name, c)
		}
		t = all[0].AllTimeOut(timeout)
		releaseAll(all)
	}
	return json.NewEncoder(os.Stdout).Encode(lateness{
		measure.Percentile(t.Late, 50), measure.Percentile(t.Late, 99), float64(t.Peak), float64(t.Staying), t.Wrong,
	})
}
