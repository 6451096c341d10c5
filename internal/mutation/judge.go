package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How much time the tests take at most that are asked together, in one process: at first, and
// then.
const (
	quick = 400 * time.Millisecond
	slow  = 2 * time.Second
)

// try judges the mutants and keeps their verdicts, file by file.
func try(ctx context.Context, o options, dir string, mutants []*mutant, kept *store, out io.Writer) error {
	byDir := map[string][]*mutant{}
	for i, m := range mutants {
		m.id = i + 1
		byDir[filepath.Dir(m.File)] = append(byDir[filepath.Dir(m.File)], m)
	}
	for _, sub := range slices.Sorted(maps.Keys(byDir)) {
		start := time.Now()
		s, err := build(ctx, dir, sub, byDir[sub])
		if err != nil {
			return err
		}
		built := time.Since(start)
		times := 2
		if o.anew { // a test that reaches less by bad luck kills less
			times = 1
		}
		if err := s.measure(ctx, o.workers, times, out); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d tests and %d mutants in one binary, built in %.0f s; what each test reaches, in %.0f s\n",
			sub, len(s.tests), len(byDir[sub]), built.Seconds(), (time.Since(start) - built).Seconds())
		start = time.Now()
		if err := s.judgeAll(ctx, o.workers, byDir[sub], kept, out); err != nil {
			return err
		}
		took := time.Since(start)
		fmt.Fprintf(out, "%s: %d mutants in %.0f s, %.2f s each\n",
			sub, len(byDir[sub]), took.Seconds(), took.Seconds()/float64(len(byDir[sub])))
	}
	return nil
}

// judgeAll judges mutants, and keeps a file's verdicts when its last one has come.
func (s *suite) judgeAll(ctx context.Context, workers int, mutants []*mutant, kept *store, out io.Writer) error {
	var mu sync.Mutex
	left := map[string]int{}
	for _, m := range mutants {
		left[m.File]++
	}
	same := alike(mutants)
	slices.SortStableFunc(same, func(a, b []*mutant) int { return cmp.Compare(rank(a[0]), rank(b[0])) })
	return inParallel(ctx, workers, len(same), func(ctx context.Context, i int) error {
		one := same[i][0]
		if one.Verdict == "" {
			if err := s.judge(ctx, one); err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, m := range same[i] {
			m.tried = true
			if m.Verdict, m.By = one.Verdict, one.By; m.Verdict != killed {
				fmt.Fprintf(out, "%s: %s\n", m, m.Verdict)
			}
		}
		if left[one.File] -= len(same[i]); left[one.File] > 0 {
			return nil
		}
		return kept.keep(one.File)
	})
}

// rank puts what lived before first.
func rank(m *mutant) int {
	switch m.before {
	case lived, bare:
		return 0
	case killed, invalid:
		return 2
	}
	return 1
}

// alike puts together what is the same change by two names: a `-` that becomes a `+` is of
// two kinds.
func alike(mutants []*mutant) [][]*mutant {
	var same [][]*mutant
	where := map[string]int{}
	for _, m := range mutants {
		key := strings.Replace(m.String(), "invert negatives", "arithmetic base", 1)
		i, ok := where[key]
		if !ok {
			i = len(same)
			where[key] = i
			same = append(same, nil)
		}
		same[i] = append(same[i], m)
	}
	return same
}

var (
	failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	hung   = regexp.MustCompile(`(?m)^running tests:\n\t(\S+)`)
)

// judge runs the tests that reach the mutant, the quickest first, until they fail, twice.
func (s *suite) judge(ctx context.Context, m *mutant) error {
	var reaching []*test
	if killer := s.killer(m); killer != nil {
		if err := s.judgeBy(ctx, m, []*test{killer}); err != nil || m.Verdict == killed {
			return err
		}
	}
	for _, t := range s.tests {
		if t.reaches[m.id] {
			reaching = append(reaching, t)
		}
	}
	if len(reaching) == 0 {
		m.Verdict, m.By = bare, ""
		return nil
	}
	for batch := range batches(reaching) {
		if err := s.judgeBy(ctx, m, batch); err != nil || m.Verdict != lived {
			return err
		}
	}
	return nil
}

// batches parts tests, which are in the order of their times, so that those of a part take
// little more than some seconds: a mutant that hangs is known for one soon.
func batches(tests []*test) iter.Seq[[]*test] {
	return func(yield func([]*test) bool) {
		most := quick
		for len(tests) > 0 {
			n, sum := 1, tests[0].took
			for n < len(tests) && sum+tests[n].took <= most {
				sum += tests[n].took
				n++
			}
			if !yield(tests[:n]) {
				return
			}
			tests, most = tests[n:], slow
		}
	}
}

// killer is the test that killed the mutant before, if it still reaches it.
func (s *suite) killer(m *mutant) *test {
	if m.before != killed {
		return nil
	}
	if t := named(s.tests, m.By); t != nil && t.reaches[m.id] {
		return t
	}
	return nil
}

// judgeBy judges a mutant by some of the tests. What goes red must do so twice. A test that
// hangs is left out once: another may be quicker to see the same thing.
func (s *suite) judgeBy(ctx context.Context, m *mutant, tests []*test) error {
	m.Verdict, m.By = lived, ""
	if len(tests) == 0 {
		return nil
	}
	text, verdict, err := s.ask(ctx, m, tests)
	if err == nil && verdict == timedOut {
		m.Verdict = timedOut
		stuck := found(hung, text)
		tests = slices.DeleteFunc(slices.Clone(tests), func(t *test) bool { return t.name == stuck })
		text, verdict, err = s.ask(ctx, m, tests)
	}
	if err != nil || verdict != killed {
		return err
	}
	by := found(failed, text)
	if one := named(tests, by); one != nil {
		tests = []*test{one}
	}
	_, again, err := s.ask(ctx, m, tests)
	if again == killed {
		m.Verdict, m.By = killed, by
	}
	return err
}

// named returns the test of a name.
func named(tests []*test, name string) *test {
	for _, t := range tests {
		if t.name == name {
			return t
		}
	}
	return nil
}

// found returns the name that the expression has in it, if the text has one.
func found(name *regexp.Regexp, text string) string {
	if in := name.FindStringSubmatch(text); in != nil {
		return in[1]
	}
	return ""
}

// ask runs tests with the mutant on.
func (s *suite) ask(ctx context.Context, m *mutant, tests []*test) (text, verdict string, err error) {
	limit := time.Second
	for _, t := range tests {
		limit += 4 * t.took
	}
	text, _, err = s.run(ctx, limit, []string{"MUTANT=" + strconv.Itoa(m.id)}, only(tests), "-test.failfast")
	switch {
	case ctx.Err() != nil:
		return "", "", ctx.Err()
	case err == nil:
		return text, lived, nil
	case strings.Contains(text, "panic: test timed out after"):
		return text, timedOut, nil
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok && !errors.Is(err, exec.ErrWaitDelay) {
		return "", "", err
	}
	return text, killed, nil
}

// inParallel calls f for each of n, some at once, until one returns an error.
func inParallel(ctx context.Context, workers, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
