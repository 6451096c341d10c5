package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// TestMain is the command where it has started itself.
func TestMain(m *testing.M) {
	if command(os.Args[1:]) != nil {
		main()
		return
	}
	os.Exit(m.Run())
}

// A short run: whether it works, not what it costs.
func TestAShortRunIsKeptAndReadAgain(t *testing.T) {
	p := plan{
		rounds: 1, each: 100 * time.Microsecond, slice: 5 * time.Millisecond, quick: true,
		only: "closed,paced", loads: []measure.Load{report.Alone, report.Both},
	}
	r := &report.Results{}
	require.NoError(t, p.run(r))
	require.NotEmpty(t, r.Cells)
	own := 0
	for _, x := range r.Cells {
		require.Positive(t, x.Calls, "%s, %s", x.Contender, x.Case)
		if x.Contender == contender.HandOffBare || x.Contender == contender.SpawnBare {
			own++
		}
	}
	require.Equal(t, 6, own, "in a process of their own: success under both loads, and submit and await of one under both")
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

func TestTheLinesThatCallsWriteAreReadFromValgrind(t *testing.T) {
	const call = " S 00002000,8\n S c000010000,8\n M 00003000,8\n L 00004000,8\n S c00000ff80,8\n S 00006000,8\n"
	const twice, beside = " M 00003008,4\n", " S 00002008,8\n S 00006000,8\n"
	var trace strings.Builder
	trace.WriteString("==1== Lackey, an example Valgrind tool\n S 00001000,8\nmarker 0x2000 0x2008\n S 00001000,8\nI  00400000,3\n")
	for i := range 20 {
		trace.WriteString(call)
		switch {
		case i >= 10:
			trace.WriteString(twice + twice + " S 00009000,8\n") // now and then there is more to do
		case i%2 == 0:
			trace.WriteString(twice)
		}
		fmt.Fprintf(&trace, " S %x,8\n", 0x8000+0x100*i)
		trace.WriteString(beside)
	}
	lines, writes, err := readTrace(strings.NewReader(trace.String()))
	require.NoError(t, err)
	require.Equal(t, 1.0, lines, "the others are read only, on the stack, of one call only, or written beside a call as well")
	require.Equal(t, 1.0, writes, "of the calls that do least")
	_, _, err = readTrace(strings.NewReader("valgrind: Illegal instruction\n"))
	require.Error(t, err)
}

func TestCountsAreReadFromValgrind(t *testing.T) {
	got, err := parseCachegrind(`==1== I   refs:      1,886,986
==1== D   refs:      1,125,629  (879,815 rd   + 245,814 wr)`)
	require.NoError(t, err)
	require.Equal(t, counts{1_886_986, 879_815, 245_814}, got)
	_, err = parseCachegrind("Illegal instruction")
	require.Error(t, err)
}
