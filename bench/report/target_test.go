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

func TestProcessorTimeOfTwoCoresCountsHalf(t *testing.T) {
	r := &report.Results{ByCPU: true, Cells: []report.Cell{
		cell(contender.Success, contender.Semaphore, report.Alone, 100, 1),
		cell(contender.Success, contender.Semaphore, report.Both, 100, 1),
	}}
	require.InDelta(t, 0.5, verdict(t, r, "at most 0.6 of the time on one core").Got, 1e-9)
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
