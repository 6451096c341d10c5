package report_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

func TestAClaimHoldsUpToItsLimitInclusive(t *testing.T) {
	for _, tt := range []struct {
		got, limit float64
		atLeast    bool
		want       report.State
	}{
		{1, 1, false, report.Pass},
		{0.99, 1, false, report.Pass},
		{1.01, 1, false, report.Fail},
		{5, 5, true, report.Pass},
		{4.99, 5, true, report.Fail},
		{5.01, 5, true, report.Pass},
		{math.NaN(), 5, true, report.NotMeasured},
		{math.NaN(), 5, false, report.NotMeasured},
	} {
		v := report.Verdict{Got: tt.got, Limit: tt.limit, AtLeast: tt.atLeast}
		require.Equal(t, tt.want, v.State(), "%+v", tt)
	}
}

// cell is a closed loop that took the given time in each of three rounds.
func cell(c contender.Case, name string, load measure.Load, ns float64, allocs uint64) report.Cell {
	return report.Cell{
		Case: c, Load: load, Contender: name, Allocs: allocs,
		Wall: measure.Samples{ns, 2 * ns, ns}, CPU: measure.Samples{ns / 2, ns / 2, ns / 2},
	}
}

func verdict(t *testing.T, r *report.Results, claim string) report.Verdict {
	t.Helper()
	for _, v := range report.Verdicts(r) {
		if v.Claim == claim {
			return v
		}
	}
	t.Fatalf("there is no claim %q", claim)
	return report.Verdict{}
}

func TestTheClaimsOfTheSemaphorePath(t *testing.T) {
	r := &report.Results{Cells: []report.Cell{
		cell(contender.Success, contender.Semaphore, report.Alone, 100, 1),
		cell(contender.Success, contender.SemaphoreNoTimeout, report.Alone, 80, 1),
		cell(contender.Success, contender.GobreakerBare, report.Alone, 100, 0),
		cell(contender.Success, contender.GobreakerWrapped, report.Alone, 499, 4),
		cell(contender.Success, contender.HystrixGo, report.Alone, 3500, 25),
		cell(contender.Success, contender.Semaphore, report.Both, 55, 1),
	}}
	for claim, want := range map[string]report.State{
		"not slower than gobreaker's bare breaker":   report.Pass,
		"5 times faster than gobreaker in a timeout": report.Fail,
		"30 times faster than hystrix-go":            report.Pass,
		"15 times faster than failsafe-go":           report.NotMeasured,
		"at most 1 allocation":                       report.Pass,
		"no allocation without a timeout":            report.Fail,
		"at most 0.6 of the time on one core":        report.Pass,
	} {
		v := verdict(t, r, claim)
		require.Equal(t, want, v.State(), v.String())
	}
	require.InDelta(t, 4.99, verdict(t, r, "5 times faster than gobreaker in a timeout").Got, 1e-9)
}

// What holds on one core need not hold on two: a line that says nothing of cores is judged on both.
func TestAPathIsHeldToItsLineOnTwoCoresAsWell(t *testing.T) {
	var cells []report.Cell
	for load, times := range map[measure.Load]float64{report.Alone: 1, report.Both: 3} {
		cells = append(cells,
			cell(contender.Success, contender.Semaphore, load, 100, 1), cell(contender.Success, contender.Pool, load, 400*times, 1),
			cell(contender.Success, contender.HandOffBare, load, 300, 0), cell(contender.Success, contender.GobreakerBare, load, 200/times, 0),
			cell(contender.Failure, contender.Semaphore, load, 120*times, 1),
			cell(contender.Open, contender.TwoReads, load, 60, 0), cell(contender.Open, contender.Semaphore, load, 50*times, 0),
			cell(contender.Open, contender.GobreakerBare, load, 80, 0),
			cell(contender.Async, contender.SpawnBare, load, 400, 3), cell(contender.Async, contender.Pool, load, 700*times*times, 3))
	}
	judged := 0
	for _, v := range report.Verdicts(&report.Results{Cells: cells}) {
		if v.State() == report.NotMeasured || v.Unit != "×" || strings.HasSuffix(v.Path, "at once") {
			continue
		}
		judged++
		want := report.Pass
		if strings.HasSuffix(v.Path, ", two cores") {
			want = report.Fail
		}
		require.Equal(t, want, v.State(), "%s: %s", v.Path, v.String())
	}
	require.Equal(t, 2*6, judged)
}

func TestProcessorTimeOfTwoCoresCountsHalf(t *testing.T) {
	r := &report.Results{ByCPU: true, Cells: []report.Cell{
		cell(contender.Success, contender.Semaphore, report.Alone, 100, 1),
		cell(contender.Success, contender.Semaphore, report.Both, 100, 1),
	}}
	require.InDelta(t, 0.5, verdict(t, r, "at most 0.6 of the time on one core").Got, 1e-9)
}

// Whoever measures again finds the other state as likely as not.
func TestAVerdictIsCloseWhereItsQuartilesLieOnBothSidesOfTheLimit(t *testing.T) {
	for _, tt := range []struct {
		least, got, most float64
		atLeast          bool
		shown            string
	}{
		{4.92, 5.01, 5.09, true, "pass, close"},
		{4.92, 4.99, 5.09, true, "FAIL, close"},
		{4.92, 4.99, 5.09, false, "pass, close"},
		{4.92, 5.01, 5.09, false, "FAIL, close"},
		{5.01, 5.02, 5.09, true, "pass"},
		{5, 5.02, 5.09, true, "pass"},
		{4.9, 4.95, 5, true, "FAIL"},
		{5, 5, 5, false, "pass"},
		{math.NaN(), math.NaN(), math.NaN(), false, "not measured"},
		{4, math.NaN(), 6, false, "not measured"},
	} {
		v := report.Verdict{Got: tt.got, Limit: 5, Least: tt.least, Most: tt.most, AtLeast: tt.atLeast}
		require.Equal(t, tt.shown, v.Shown(), "%+v", tt)
		require.True(t, strings.HasPrefix(tt.shown, string(v.State())), "a mark beside the state")
	}
	few := []report.Verdict{{Got: 1, Limit: 2}, {Got: 3, Limit: 2}, {Got: 2, Limit: 2, Least: 1, Most: 3}}
	require.Equal(t, "1 of 2 claims pass", report.Counted(few[:2]))
	require.Equal(t, "2 of 3 claims pass; 1 is close: its quartiles lie on both sides of the limit", report.Counted(few))
}

func TestGoAndWaitIsJudgedForBothIsolations(t *testing.T) {
	r := &report.Results{Cells: []report.Cell{
		cell(contender.Success, contender.Pool, report.Alone, 500, 1),
		cell(contender.Async, contender.SpawnBare, report.Alone, 400, 3),
		cell(contender.Async, contender.Pool, report.Alone, 600, 3),
		cell(contender.Async, contender.Semaphore, report.Alone, 901, 4),
	}}
	const claim = ": not slower than a bare goroutine and channel plus the Pool path"
	pool, semaphore := verdict(t, r, contender.Pool+claim), verdict(t, r, contender.Semaphore+claim)
	require.Equal(t, report.Pass, pool.State())
	require.Equal(t, report.Fail, semaphore.State())
}

// What switches goroutines is held against what does so where nothing slows the scheduler.
func TestBareIsWithoutATimerInTheProcess(t *testing.T) {
	r := &report.Results{
		Cells: []report.Cell{
			cell(contender.Success, contender.Pool, report.Alone, 150, 1),
			cell(contender.Success, contender.HandOffBare, report.Alone, 100, 0),
			cell(contender.Success, contender.HandOff, report.Alone, 125, 0),
		},
		Paced: []report.Paced{
			{Contender: contender.Pool, P50: measure.Samples{150}},
			{Contender: contender.HandOffBare, P50: measure.Samples{100}},
			{Contender: contender.HandOff, P50: measure.Samples{125}},
		},
	}
	require.InDelta(t, 1.5, verdict(t, r, "at most 1.4 times the bare hand-off").Got, 1e-9)
	require.InDelta(t, 1.5, verdict(t, r, "Pool: p50 within 1.2 times the bare hand-off").Got, 1e-9)
}

// The clock that quill reads is the cheaper one.
func TestTheOpenPathIsHeldAgainstTheCheaperClock(t *testing.T) {
	r := &report.Results{Cells: []report.Cell{
		cell(contender.Open, contender.Semaphore, report.Alone, 57, 0),
		cell(contender.Open, contender.TwoReads, report.Alone, 51, 0),
		cell(contender.Open, contender.TwoNows, report.Alone, 92, 0),
	}}
	v := verdict(t, r, "at most the time of two clock reads (time.Since)")
	require.Equal(t, report.Fail, v.State(), v.String())
}

func TestPercentilesOnScheduleAreComparedSliceBySlice(t *testing.T) {
	r := &report.Results{Paced: []report.Paced{
		{Contender: contender.Direct, P50: measure.Samples{1e3, 5e3, 2e3}, P999: measure.Samples{1e3, 9e3, 1e3}, P9999: 4e3},
		{Contender: contender.Semaphore, P50: measure.Samples{4e3, 6e3, 5e3}, P999: measure.Samples{3e3, 30e3, 3e3}, P9999: 9e3},
	}}
	tables := report.Tables(r)
	require.Len(t, tables, 1)
	row := tables[0].Rows[1]
	require.Len(t, row, len(tables[0].Head))
	require.Equal(t, []string{"5", "3"}, row[1:3], "medians, and the median of 3, 1 and 3")
	require.Equal(t, []string{"3", "2"}, row[5:7])
	require.Equal(t, []string{"9", "5"}, row[7:9])
}

func TestAddedTimeIsWithoutTheFloor(t *testing.T) {
	r := &report.Results{
		Paced: []report.Paced{
			{Contender: contender.Direct, P50: measure.Samples{50, 60}},
			{Contender: contender.Semaphore, P50: measure.Samples{250, 260}},
		},
		Crowds: []report.Crowd{
			{Contender: contender.Direct, Load: report.Many, P50: measure.Samples{100}},
			{Contender: contender.Semaphore, Load: report.Many, P50: measure.Samples{200}, P999: measure.Samples{1090}},
		},
	}
	require.InDelta(t, 0.2, verdict(t, r, "Semaphore: p50 of the added time under 0.3 µs").Got, 1e-9)
	require.InDelta(t, 9.9, verdict(t, r, contender.Semaphore+": p99.9 of the added time under 10 times p50").Got, 1e-9)
}

func TestNothingMeasuredIsNoPass(t *testing.T) {
	all := report.Verdicts(&report.Results{})
	require.NotEmpty(t, all)
	require.Zero(t, report.Passed(all))
	for i := range all {
		require.Equal(t, report.NotMeasured, all[i].State(), all[i].Claim)
		require.Equal(t, "–", all[i].Found())
	}
}

func TestFiguresHaveThreeDigitsThatCount(t *testing.T) {
	for want, v := range map[string]float64{
		"0.12": 0.1234, "1.23": 1.234, "12.3": 12.34, "123": 123.4, "1,234": 1234.4, "1,234,568": 1_234_567.8,
		"5": 5, "-2,000": -2000,
	} {
		s := report.Verdict{Got: v}
		require.Equal(t, want, s.Found())
	}
}

func TestTextIsPutBetweenTheMarkers(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("a\n<!-- x:begin -->\nold\n<!-- x:end -->\nz\n"), 0o600))
	for range 2 {
		require.NoError(t, report.Between(page, "x", "new\n"))
	}
	data, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nz\n", string(data))
	require.ErrorContains(t, report.Between(page, "y", ""), "y:begin")
}

func TestThePlotShowsEachContenderOfItsCases(t *testing.T) {
	r := &report.Results{Cells: []report.Cell{
		cell(contender.Success, contender.Semaphore, report.Alone, 100, 1),
		cell(contender.Success, contender.HystrixGo, report.Alone, 99_999, 25),
		cell(contender.Success, contender.Direct, report.Alone, 0.5, 0),
	}}
	svg := report.Plot(r)
	for _, want := range []string{contender.Semaphore, contender.HystrixGo, contender.Direct, `class="quill"`, `class="peer"`} {
		require.Contains(t, svg, want)
	}
	require.NotContains(t, svg, "NaN")
	require.Equal(t, strings.Count(svg, "<g "), strings.Count(svg, "</g>"))
}
