package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// A short run of what needs no other process: whether it works, not what it costs.
func TestAShortRunIsKeptAndReadAgain(t *testing.T) {
	p := plan{
		rounds: 1, each: 100 * time.Microsecond, slice: 5 * time.Millisecond, quick: true,
		only: "closed,paced", loads: []measure.Load{report.Alone, report.Both},
	}
	r := &report.Results{}
	require.NoError(t, p.run(r))
	require.NotEmpty(t, r.Cells)
	for _, x := range r.Cells {
		require.Positive(t, x.Calls, "%s, %s", x.Contender, x.Case)
	}
	for _, v := range report.Verdicts(r) {
		switch v.Path {
		case "an idle command", "1,000 calls that all time out", "4,096 goroutines on one command":
		default:
			require.NotEqual(t, report.NotMeasured, v.State(), v.Claim)
		}
	}
	path := filepath.Join(t.TempDir(), "kept", "results.json")
	require.NoError(t, keep(r, path))
	again := &report.Results{}
	require.NoError(t, readJSON(path, again))
	require.Equal(t, r, again)
	require.NotEmpty(t, report.Tables(again))
}

func TestCountsAreReadFromValgrind(t *testing.T) {
	got, err := parseCachegrind(`==1== I   refs:      1,886,986
==1== D   refs:      1,125,629  (879,815 rd   + 245,814 wr)`)
	require.NoError(t, err)
	require.Equal(t, counts{1_886_986, 879_815, 245_814}, got)
	_, err = parseCachegrind("Illegal instruction")
	require.Error(t, err)
}
