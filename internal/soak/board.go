package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/seed-f7c3343e/quill"
)

// The figures that can be off while calls are made.
const (
	figureAgree    = "what callers got agrees with itself"
	figureSnapshot = "returned <= with an outcome <= entered, in every scrape"
	figureGrow     = "totals only grow, in every scrape"
	figureWindow   = "no window above its total, in every scrape"
	figureParts    = "no more durations than calls, in every scrape"
	figureGauges   = "gauges within their limits, in every scrape"
	figureSettings = "good settings taken, bad ones refused"
)

// heapSlack is by how much the heap may differ between a quarter of the run and its end.
const heapSlack = 8 << 20

// figure is one line of the scoreboard.
type figure struct {
	name, target, value string
	ok                  bool
	detail              string // of a figure that is off
}

type board []figure

func (b *board) addf(name, target string, ok bool, format string, args ...any) {
	*b = append(*b, figure{name: name, target: target, value: fmt.Sprintf(format, args...), ok: ok})
}

// detail says more about the figure added last.
func (b *board) detail(text string) { (*b)[len(*b)-1].detail = text }

func (b *board) failed() int {
	n := 0
	for _, f := range *b {
		if !f.ok {
			n++
		}
	}
	return n
}

func (b *board) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nfigure\ttarget\tvalue\t")
	for _, f := range *b {
		verdict := "pass"
		if !f.ok {
			verdict = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.name, f.target, f.value, verdict)
	}
	_ = w.Flush()
	for _, f := range *b {
		if !f.ok && f.detail != "" {
			fmt.Fprintf(out, "\n%s: %s\n", f.name, f.detail)
		}
	}
	fmt.Fprintln(out)
}

// judge holds the books against each other when everything rests.
func (s *soak) judge(before goroutines, heap uint64) board {
	var b board
	s.judgeCalls(&b)
	s.judgeSlots(&b)
	for _, name := range []string{figureAgree, figureSnapshot, figureGrow, figureWindow, figureParts, figureGauges, figureSettings} {
		n, first := s.breaches.of(name)
		b.addf(name, "0 breaches", n == 0, "%d", n)
		b.detail("first: " + first)
	}
	b.addf("scrapes", "> 0", s.scrapes > 0, "%d", s.scrapes)
	b.addf("changes of settings", "> 0", s.changes > 0, "%d", s.changes)

	after := countGoroutines()
	b.addf("goroutines left, warm workers apart", fmt.Sprintf("<= %d", before.others),
		after.others <= before.others, "%d", after.others)
	workers := before.workers
	if s.cool == 0 {
		workers += s.mostWorkers()
	}
	b.addf("warm workers left", fmt.Sprintf("<= %d", workers), after.workers <= workers, "%d", after.workers)
	now := heapInUse()
	b.addf("heap after a quarter of the time, and at the end", fmt.Sprintf("at most %d MiB more", heapSlack>>20),
		now <= heap+heapSlack, "%.1f and %.1f MiB", mib(heap), mib(now))
	return b
}

// judgeCalls: every call ended once, and all agree how.
func (s *soak) judgeCalls(b *board) {
	var entered, returned, total uint64
	var differ []string
	var all quill.Counts
	for _, d := range s.deps {
		now := d.Stats().Total
		entered += d.ledger.entered.Load()
		returned += d.ledger.returned.Load()
		total += now.Total()
		seen, told := d.ledger.seen.counts(), d.ledger.told.counts()
		if seen != now || told != now {
			differ = append(differ, fmt.Sprintf("%s: callers %+v, hooks %+v, statistics %+v", d.Name(), seen, told, now))
		}
		all = sum(all, seen)
	}
	b.addf("calls entered - calls returned", "0", entered == returned, "%d - %d = %d",
		entered, returned, int64(entered)-int64(returned))
	b.addf("sum of outcomes", "= calls entered", total == entered, "%d", total)
	b.addf("outcomes: callers, hooks and statistics", "agree", len(differ) == 0, "%d circuits differ",
		len(differ))
	b.detail(strings.Join(differ, "\n"))
	missing := 0
	for _, o := range quill.Outcomes() {
		if all.Of(o) == 0 {
			missing++
		}
	}
	b.addf("outcomes that never came", "0", missing == 0, "%d", missing)
	b.detail(fmt.Sprintf("%+v", all))
}

func sum(a, b quill.Counts) quill.Counts {
	return quill.Counts{
		Success: a.Success + b.Success, Failure: a.Failure + b.Failure, Timeout: a.Timeout + b.Timeout,
		Rejected: a.Rejected + b.Rejected, ShortCircuited: a.ShortCircuited + b.ShortCircuited,
		Ignored: a.Ignored + b.Ignored, Canceled: a.Canceled + b.Canceled,
	}
}

// judgeSlots: what was taken was given back, and never more than allowed was alive.
func (s *soak) judgeSlots(b *board) {
	var began, ended, peak, full, over int64
	for _, h := range s.halls {
		full += h.full.Load()
		over += h.over.Load()
		began += h.began.Load()
		ended += h.ended.Load()
		peak = max(peak, h.peak.Load())
	}
	b.addf("work begun - work ended", "0", began == ended, "%d - %d = %d", began, ended, began-ended)
	b.addf("most alive at once under one bulkhead", fmt.Sprintf("<= %d, the highest limit", mostConcurrent),
		peak <= mostConcurrent && peak > mostConcurrent/2, "%d", peak)
	b.addf("alive where one more began", "<= the limit in force", over == 0 && full > 0, "%d times at it, %d above", full, over)
	var held []string
	for _, d := range s.deps {
		st, bulk := d.Stats(), d.Bulkhead().Stats()
		if n := st.InFlight + st.Queued + st.Abandoned + st.FallbacksInFlight + bulk.InFlight + bulk.Queued + bulk.Abandoned; n != 0 {
			held = append(held, fmt.Sprintf("%s: %d in flight, %d queued, %d abandoned, %d fallbacks; bulkhead %+v",
				d.Name(), st.InFlight, st.Queued, st.Abandoned, st.FallbacksInFlight, bulk))
		}
	}
	b.addf("circuits that still hold a permit", "0", len(held) == 0, "%d", len(held))
	b.detail(strings.Join(held, "\n"))
}

// goroutines are how many there are.
type goroutines struct{ workers, others int }

// countGoroutines tells warm workers of the library's pools, which stay for a while, from
// all others.
func countGoroutines() goroutines {
	buf := make([]byte, 1<<22)
	buf = buf[:runtime.Stack(buf, true)]
	var g goroutines
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, "quill.(*worker).loop") {
			g.workers++
		} else {
			g.others++
		}
	}
	return g
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }
