package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// counts is what a process executed.
type counts struct{ instructions, reads, writes int64 }

func instructionTable(n int) (report.Table, error) {
	t := report.Table{
		Title: "Instructions",
		Note: "Counted by valgrind's cachegrind on one core, as the difference between runs with n and with 2n calls; " +
			"the garbage collector's part is in it.",
		Head: []string{"for each call", "instructions", "reads", "writes"},
	}
	for _, x := range []struct {
		name string
		c    contender.Case
	}{
		{contender.TwoReads, contender.Success},
		{contender.HandOffBare, contender.Success},
		{contender.HandOff, contender.Success},
		{contender.Least, contender.Success},
		{contender.HandOffKept, contender.Success},
		{contender.WithTimeout, contender.Success},
		{contender.Semaphore, contender.Success},
		{contender.SemaphoreNoTimeout, contender.Success},
		{contender.Pool, contender.Success},
		{contender.Pool, contender.Async},
		{contender.Semaphore, contender.Open},
		{contender.Semaphore, contender.Failure},
		{contender.Pool, contender.Failure},
		{contender.Semaphore, contender.Waits},
		{contender.GobreakerBare, contender.Success},
		{contender.GobreakerWrapped, contender.Success},
		{contender.FailsafeFull, contender.Success},
	} {
		per, err := perCall(x.name, x.c, n)
		if err != nil {
			return t, fmt.Errorf("%s, %s: %w", x.name, x.c, err)
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("%s; %s", x.name, x.c), report.Number(per.instructions), report.Number(per.reads), report.Number(per.writes),
		})
	}
	return t, nil
}

func perCall(name string, c contender.Case, n int) (counts, error) {
	some, err := executed(name, c, n)
	if err != nil {
		return counts{}, err
	}
	more, err := executed(name, c, 2*n)
	if err != nil {
		return counts{}, err
	}
	per := func(a, b int64) int64 { return (b - a + int64(n)/2) / int64(n) }
	return counts{
		per(some.instructions, more.instructions), per(some.reads, more.reads), per(some.writes, more.writes),
	}, nil
}

// executed runs a loop of n calls under valgrind.
func executed(name string, c contender.Case, n int) (counts, error) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		return counts{}, errors.New("valgrind is needed to count instructions")
	}
	self, err := os.Executable()
	if err != nil {
		return counts{}, err
	}
	cmd := exec.Command(valgrind, "--tool=cachegrind", "--cache-sim=yes", "--cachegrind-out-file=/dev/null", //nolint:noctx // it ends
		self, "loop", "-contender", name, "-case", c.String(), "-n", strconv.Itoa(n))
	// Preemption by signals is what an emulated processor bears worst.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return counts{}, fmt.Errorf("%w: %s", err, out)
	}
	return parseCachegrind(string(out))
}

var (
	instructionLine = regexp.MustCompile(`I\s+refs:\s+([\d,]+)`)
	dataLine        = regexp.MustCompile(`D\s+refs:\s+[\d,]+\s+\(\s*([\d,]+) rd\s+\+\s+([\d,]+) wr\)`)
)

func parseCachegrind(out string) (counts, error) {
	i, d := instructionLine.FindStringSubmatch(out), dataLine.FindStringSubmatch(out)
	if i == nil || d == nil {
		return counts{}, fmt.Errorf("valgrind told no counts: %s", out)
	}
	number := func(s string) int64 {
		n, _ := strconv.ParseInt(strings.ReplaceAll(s, ",", ""), 10, 64) // digits, as they matched
		return n
	}
	return counts{number(i[1]), number(d[1]), number(d[2])}, nil
}
