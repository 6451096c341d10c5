package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// lineSize is how much of memory a processor takes from another at once.
const lineSize = 64

// linesCommand shows which cache lines calls write again and again, seen by valgrind, which tells each
// access to memory. On one core that costs nothing; on many, these are the lines to fight over.
func linesCommand(args []string) error {
	flags := flag.NewFlagSet("bench lines", flag.ContinueOnError)
	n := flags.Int("n", 400, "how many calls")
	write := flags.Bool("write", false, "write docs/performance.md")
	root := flags.String("root", "..", "the repository")
	marked := flags.String("marked", "", "make the calls of CONTENDER: what this starts itself with")
	caseName := flags.String("case", contender.Success.String(), "what happens, with -marked")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *marked != "" {
		return markedCalls(*marked, *caseName, *n)
	}
	t, err := lineTable(*n)
	if err != nil {
		return err
	}
	fmt.Fprint(os.Stdout, t.Text())
	if !*write {
		return nil
	}
	return report.Between(filepath.Join(*root, "docs", "performance.md"), "lines", t.Markdown())
}

func lineTable(n int) (report.Table, error) {
	t := report.Table{
		Title: "Cache lines",
		Note: "Written by a call, on one core, as valgrind's lackey tells: without the caller's stack, without what two readings " +
			"of the clock, an allocation and a select write as well, and without what is new to each call. A hand-off, and with " +
			"it the Pool, has the other goroutine's stack and what Go's scheduler writes for two switches in its lines. " +
			"A failure that comes 10 ms after another or later, as they do in a traced process, is kept for Explain: " +
			"most of its lines are of that.",
		Head: []string{"for each call", "lines", "writes to them"},
	}
	for _, x := range []struct {
		name string
		c    contender.Case
	}{
		{contender.AtomicAdd, contender.Success},
		{contender.Semaphore, contender.Success},
		{contender.SemaphoreNoTimeout, contender.Success},
		{contender.HandOffBare, contender.Success},
		{contender.Pool, contender.Success},
		{contender.Semaphore, contender.Open},
		{contender.Semaphore, contender.Failure},
		{contender.GobreakerBare, contender.Success},
		{contender.GobreakerWrapped, contender.Success},
	} {
		lines, writes, err := writtenBy(x.name, x.c, n)
		if err != nil {
			return t, fmt.Errorf("%s, %s: %w", x.name, x.c, err)
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("%s; %s", x.name, x.c),
			strconv.FormatFloat(lines, 'f', 1, 64), strconv.FormatFloat(writes, 'f', 1, 64),
		})
	}
	return t, nil
}

// marker is written before each call and before each of what is compared with it, so that
// they are told apart in the trace.
var marker struct {
	_      [lineSize]byte
	at     uint64
	beyond uint64
	_      [lineSize]byte
}

// sink keeps an allocation on the heap. It is of the size of run's context, and has pointers
// as that has.
var sink *[4]*int

// markedCalls makes n calls, each after a write to marker.at, and after each of them, after a
// write to marker.beyond, what is not to be counted as theirs. Before that it tells where
// marker is.
func markedCalls(name, caseName string, n int) error {
	c, err := contender.ParseCase(caseName)
	if err != nil {
		return err
	}
	all := contenders(c, measure.Load{Cores: 1, Callers: 1}, 0, name)
	if len(all) == 0 {
		return fmt.Errorf("there is no contender %q in the case %q", name, c)
	}
	defer releaseAll(all)
	ctx, cancel := c.Context()
	defer cancel()
	born := time.Now()
	alternate := func(n uint64) {
		for i := range n {
			marker.at = i
			_, _ = all[0].Call(ctx, 0)
			marker.beyond = i
			plain(born)
		}
	}
	alternate(200) // stacks grow, and what is made at first use is there
	fmt.Fprintf(os.Stderr, "marker %p %p\n", &marker.at, &marker.beyond)
	alternate(uint64(max(n, 1)))
	if sink == nil {
		return errors.New("nothing was allocated beside the calls")
	}
	return nil
}

// never is not ready.
var never = make(chan int)

// plain is what the runtime writes for whatever program: to its thread, the free memory of its
// processor, its random numbers.
//
//go:noinline
func plain(born time.Time) {
	began := time.Since(born)
	sink = new([4]*int)
	select {
	case <-never:
	case never <- 1:
	default:
	}
	if time.Since(born) < began {
		panic("time goes back")
	}
}

// writtenBy runs marked calls under valgrind.
func writtenBy(name string, c contender.Case, n int) (lines, writes float64, err error) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		return 0, 0, errors.New("valgrind is needed to see what is written")
	}
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := exec.CommandContext(ctx, valgrind, "--tool=lackey", "--basic-counts=no", "--trace-mem=yes",
		self, "lines", "-marked", name, "-case", c.String(), "-n", strconv.Itoa(n))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	trace, err := cmd.StderrPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	lines, writes, err = readTrace(trace)
	if err != nil {
		return 0, 0, err // the process ends with the context
	}
	return lines, writes, cmd.Wait()
}

// readTrace counts the lines that a call writes, and how often, of those that calls have in
// common: what is new to a call, two of them may write at the most, where it ends and begins.
//
// It looks at the quarter of the calls that write least. So slow is a traced process that what
// is done once in a hundredth of a second, for whatever reason, is done in every other call.
func readTrace(trace io.Reader) (lines, writes float64, err error) {
	var t tracer
	in := bufio.NewScanner(trace)
	for in.Scan() {
		t.read(in.Text())
	}
	if err := in.Err(); err != nil {
		return 0, 0, err
	}
	if len(t.calls) == 0 {
		return 0, 0, errors.New("valgrind told of no call")
	}
	slices.SortStableFunc(t.calls, func(a, b call) int { return cmp.Compare(a.all, b.all) })
	plain := t.calls[:(len(t.calls)+3)/4]
	inCalls, times := make(map[uint64]int), make(map[uint64]int)
	for _, c := range plain {
		for line, n := range c.lines {
			inCalls[line]++
			times[line] += n
		}
	}
	for line, n := range inCalls {
		if n > 2 && !t.beside[line] && !t.onStack(line) {
			lines += float64(n) / float64(len(plain))
			writes += float64(times[line]) / float64(len(plain))
		}
	}
	return lines, writes, nil
}

// call is what one call writes: how often in all, and how often to each line.
type call struct {
	all   int
	lines map[uint64]int
}

// tracer reads what lackey tells: a letter, an address and a size for each access.
type tracer struct {
	at, beyond uint64

	during string // "call", "beside" or, before the first of both, nothing
	called bool   // what is written next is on the caller's stack
	calls  []call
	stacks map[uint64]bool // where that was: it may move
	beside map[uint64]bool
}

func (t *tracer) read(text string) {
	kind, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch kind {
	case "marker":
		_, _ = fmt.Sscanf(rest, "0x%x 0x%x", &t.at, &t.beyond)
		t.beside, t.stacks = make(map[uint64]bool), make(map[uint64]bool)
	case "S", "M":
		text, _, _ := strings.Cut(rest, ",")
		if address, err := strconv.ParseUint(text, 16, 64); err == nil && t.at != 0 {
			t.written(address)
		}
	}
}

func (t *tracer) written(address uint64) {
	switch {
	case address == t.at:
		t.during, t.called = "call", true
		t.calls = append(t.calls, call{lines: make(map[uint64]int)})
	case address == t.beyond:
		t.during = "beside"
	case t.during == "call":
		if t.called {
			t.stacks[address], t.called = true, false // to call is to write where to return to
		}
		c := &t.calls[len(t.calls)-1]
		c.all++
		c.lines[address/lineSize]++
	case t.during == "beside":
		t.beside[address/lineSize] = true
	}
}

// onStack reports whether a line is of the caller's stack: near what was written there first,
// which is above all that a call uses.
func (t *tracer) onStack(line uint64) bool {
	const above, below = 1 << 10, 8 << 10
	address := line * lineSize
	for stack := range t.stacks {
		if address < stack+above && address+below > stack {
			return true
		}
	}
	return false
}
