package report

import (
	"fmt"
	"math"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
)

// Verdict is one claim held against what was measured.
type Verdict struct {
	Path  string  // the line of the design
	Claim string  // what is asked
	Got   float64 // what was found
	Unit  string  // of both
	Limit float64 // Got must not be above it, or (AtLeast) not below
	// Least and Most are the quartiles of Got.
	Least, Most float64
	AtLeast     bool
}

// State is whether a claim holds.
type State string

// The states of a claim. NotMeasured is no pass.
const (
	Pass        State = "pass"
	Fail        State = "FAIL"
	NotMeasured State = "not measured"
)

// State holds Got against Limit.
func (v *Verdict) State() State {
	switch {
	case math.IsNaN(v.Got):
		return NotMeasured
	case v.AtLeast && v.Got >= v.Limit, !v.AtLeast && v.Got <= v.Limit:
		return Pass
	}
	return Fail
}

// Close is whether the quartiles lie on both sides of the limit: another run may find otherwise.
func (v *Verdict) Close() bool {
	return !math.IsNaN(v.Got) && v.Least < v.Limit && v.Limit < v.Most
}

// Shown is the state, and whether it was close.
func (v *Verdict) Shown() string {
	if v.Close() {
		return string(v.State()) + ", close"
	}
	return string(v.State())
}

// String says what was asked and what was found.
func (v *Verdict) String() string {
	return fmt.Sprintf("%-12s %s: %s", v.Shown(), v.Claim, v.Found())
}

// Found is what was measured, with its quartiles where there are any.
func (v *Verdict) Found() string {
	if math.IsNaN(v.Got) {
		return "–"
	}
	found := fmt.Sprintf("%s%s", digits(v.Got), v.Unit)
	if v.Least != v.Most {
		found += fmt.Sprintf(" (%s to %s)", digits(v.Least), digits(v.Most))
	}
	return found
}

// most asks that the median of s is not above the limit.
func most(path, claim string, s measure.Samples, unit string, limit float64) Verdict {
	low, high := s.Spread()
	v := Verdict{Path: path, Claim: claim, Got: s.Median(), Unit: unit, Limit: limit, Least: low, Most: high}
	if len(s) == 0 {
		v.Got = math.NaN()
	}
	return v
}

// least asks that a ratio is not below.
func least(path, claim string, s measure.Samples, limit float64) Verdict {
	v := most(path, claim, s, "×", limit)
	v.AtLeast = true
	return v
}

// same is how much slower than itself a path may seem: two measurements of the very same
// thing differ by that.
const same = 1.05

// Verdicts holds the design's table (section 6) against r, line by line.
func Verdicts(r *Results) []Verdict {
	var all []Verdict
	for _, line := range []func(*Results) []Verdict{
		semaphoreLine, twoCoresLine, poolLine, openLine, failureLine, asyncLine, timeoutLine,
		pacedLine, deepLine, idleLine, crowdLine,
	} {
		all = append(all, line(r)...)
	}
	return all
}

// Passed counts the verdicts that do.
func Passed(all []Verdict) (passed int) {
	for i := range all {
		if all[i].State() == Pass {
			passed++
		}
	}
	return passed
}

// Counted says how many pass, and how many verdicts are close.
func Counted(all []Verdict) string {
	closely := 0
	for i := range all {
		if all[i].Close() {
			closely++
		}
	}
	text := fmt.Sprintf("%d of %d claims pass", Passed(all), len(all))
	switch closely {
	case 0:
		return text
	case 1:
		return text + "; 1 is close: its quartiles lie on both sides of the limit"
	}
	return text + fmt.Sprintf("; %d are close: their quartiles lie on both sides of the limit", closely)
}

func (r *Results) allocs(path, claim string, c contender.Case, name string, limit float64) Verdict {
	x := r.Cell(c, name, Alone)
	if x == nil {
		return most(path, claim, nil, "", limit)
	}
	return most(path, claim, measure.Samples{float64(x.Allocs)}, "", limit)
}

// loads are those under which a path is held to its line: the design names none, so it holds for
// one core and for two.
var loads = []measure.Load{Alone, Both}

// under is the path with its load.
func under(path string, load measure.Load) string {
	if load == Both {
		return path + ", two cores"
	}
	return path
}

func semaphoreLine(r *Results) []Verdict {
	var verdicts []Verdict
	for _, load := range loads {
		path := under("Semaphore, success", load)
		ours := r.wall(contender.Success, contender.Semaphore, load)
		times := func(name string) measure.Samples { return r.wall(contender.Success, name, load).Over(ours) }
		verdicts = append(verdicts,
			least(path, "not slower than gobreaker's bare breaker", times(contender.GobreakerBare), 1),
			least(path, "5 times faster than gobreaker in a timeout", times(contender.GobreakerWrapped), 5),
			least(path, "15 times faster than failsafe-go", times(contender.FailsafeFull), 15),
			least(path, "30 times faster than hystrix-go", times(contender.HystrixGo), 30))
	}
	const path = "Semaphore, success"
	return append(verdicts,
		r.allocs(path, "at most 1 allocation", contender.Success, contender.Semaphore, 1),
		r.allocs(path, "no allocation without a timeout", contender.Success, contender.SemaphoreNoTimeout, 0))
}

func twoCoresLine(r *Results) []Verdict {
	const path = "Semaphore, two cores at once"
	two, one := r.wall(contender.Success, contender.Semaphore, Both), r.wall(contender.Success, contender.Semaphore, Alone)
	return []Verdict{most(path, "at most 0.6 of the time on one core", two.Over(one), "×", 0.6)}
}

func poolLine(r *Results) []Verdict {
	var verdicts []Verdict
	for _, load := range loads {
		path := under("Pool, success", load)
		ours := r.wall(contender.Success, contender.Pool, load)
		verdicts = append(verdicts,
			most(path, "at most 1.4 times the bare hand-off", ours.Over(r.wall(contender.Success, contender.HandOffBare, load)), "×", 1.4),
			least(path, "9 times faster than hystrix-go", r.wall(contender.Success, contender.HystrixGo, load).Over(ours), 9))
	}
	return append(verdicts, r.allocs("Pool, success", "at most 1 allocation", contender.Success, contender.Pool, 1))
}

func openLine(r *Results) []Verdict {
	const what = "open, fallback value"
	verdicts := []Verdict{r.allocs(what, "no allocation", contender.Open, contender.Semaphore, 0)}
	for _, load := range loads {
		path := under(what, load)
		ours := r.wall(contender.Open, contender.Semaphore, load)
		verdicts = append(verdicts, most(path, "at most the time of two clock reads (time.Since)",
			ours.Over(r.wall(contender.Open, contender.TwoReads, load)), "×", 1))
		for i := range r.Cells {
			x := &r.Cells[i]
			if x.Case == contender.Open && x.Load == load && kindOf(x.Contender) == contender.Peer {
				verdicts = append(verdicts, least(path, "faster than "+x.Contender, r.wall(x.Case, x.Contender, load).Over(ours), 1))
			}
		}
	}
	return verdicts
}

func kindOf(name string) contender.Kind {
	for _, c := range contender.All() {
		if c.Name == name {
			return c.Kind
		}
	}
	return contender.Floor
}

func failureLine(r *Results) []Verdict {
	var verdicts []Verdict
	for _, load := range loads {
		for _, name := range []string{contender.Semaphore, contender.Pool} {
			ratio := r.wall(contender.Failure, name, load).Over(r.wall(contender.Success, name, load))
			verdicts = append(verdicts, most(under("failure, fallback", load), name+": at most 1.3 times its success", ratio, "×", 1.3))
		}
	}
	return verdicts
}

func asyncLine(r *Results) []Verdict {
	var verdicts []Verdict
	for _, load := range loads {
		bare := r.wall(contender.Async, contender.SpawnBare, load).Plus(r.wall(contender.Success, contender.Pool, load))
		for _, name := range []string{contender.Semaphore, contender.Pool} {
			verdicts = append(verdicts, most(under("Go + Wait", load), name+": not slower than a bare goroutine and channel plus the Pool path",
				r.wall(contender.Async, name, load).Over(bare), "×", 1))
		}
	}
	return verdicts
}

func timeoutLine(r *Results) []Verdict {
	const path = "1,000 calls that all time out"
	var verdicts []Verdict
	for _, x := range []struct {
		name string
		c    contender.Case
	}{
		{contender.Pool, contender.TimesOut},
		{contender.Pool, contender.Stuck},
		{contender.Semaphore, contender.TimesOut},
	} {
		t := r.timeouts(x.name, x.c)
		who := fmt.Sprintf("%s, %s: ", x.name, x.c)
		verdicts = append(verdicts,
			most(path, who+"back within 1 ms of the deadline at the median", t.P50.Times(1e-6), " ms", 1),
			most(path, who+"no goroutine beyond the limit when all are back", t.Goroutines, "", goroutineLimit(x.name)))
	}
	return verdicts
}

// goroutineLimit is how many goroutines a thousand calls may add: the workers of a pool that
// has room for them all. The runtime starts one more for each timer that fires, for a moment.
func goroutineLimit(name string) float64 {
	if name == contender.Pool {
		return float64(AllLate.Callers)
	}
	return 0
}

func pacedLine(r *Results) []Verdict {
	const path = "10,000 calls/s, open loop"
	floor := r.paced(contender.Direct).P50
	return []Verdict{
		most(path, "Semaphore: p50 of the added time under 0.3 µs",
			r.paced(contender.Semaphore).P50.Minus(floor).Times(1e-3), " µs", 0.3),
		most(path, "Pool: p50 within 1.2 times the bare hand-off",
			r.paced(contender.Pool).P50.Over(r.paced(contender.HandOffBare).P50), "×", 1.2),
	}
}

// deepLine compares what 20 KB of stack add where the stack is new with what they add where
// it is warm.
func deepLine(r *Results) []Verdict {
	added := func(name string) measure.Samples {
		return r.wall(contender.Deep, name, Alone).Minus(r.wall(contender.Success, name, Alone))
	}
	return []Verdict{
		most("20 KB of stack, Pool", "adds no more than 1.5 times what it does to a warm goroutine",
			added(contender.Pool).Over(added(contender.HandOff)), "×", 1.5),
	}
}

func idleLine(r *Results) []Verdict {
	const path = "an idle command"
	var verdicts []Verdict
	for _, name := range []string{contender.Semaphore, contender.Pool} {
		f, called := r.footprint(name, 1000, false), r.footprint(name, 1000, true)
		most100k := r.footprint(name, 100_000, false)
		creation := most100k.Creation
		if r.ByCPU {
			creation = most100k.CPU
		}
		verdicts = append(verdicts,
			most(path, name+": at most 3 KiB", f.Bytes.Times(1.0/1024), " KiB", 3),
			most(path, name+", after its first call: at most 3 KiB", called.Bytes.Times(1.0/1024), " KiB", 3),
			most(path, name+": no goroutine", called.Goroutines, "", 0),
			most(path, name+": 100,000 names under 300 MB", most100k.Heap.Times(1e-6), " MB", 300),
			most(path, name+": each made in less than 5 µs", creation.Times(1e-3), " µs", 5))
	}
	return verdicts
}

func crowdLine(r *Results) []Verdict {
	const path = "4,096 goroutines on one command"
	var verdicts []Verdict
	for _, name := range []string{contender.Semaphore, contender.Pool} {
		crowd := r.crowd(name)
		floor := r.crowd(contender.Direct).P50.Median()
		verdicts = append(verdicts,
			most(path, name+": added time per call no longer than with 2 (but for 5 %)",
				r.overDirect(name, Many).Over(r.overDirect(name, Both)), "×", same),
			most(path, name+": p99.9 of the added time under 10 times p50",
				added(crowd.P999, floor).Over(added(crowd.P50, floor)), "×", 10))
	}
	return verdicts
}

// overDirect is what a success takes beyond a direct call: changing goroutines has its price.
func (r *Results) overDirect(name string, load measure.Load) measure.Samples {
	return r.wall(contender.Success, name, load).Minus(r.wall(contender.Success, contender.Direct, load))
}

func added(s measure.Samples, floor float64) measure.Samples {
	var rest measure.Samples
	for _, v := range s {
		rest = append(rest, v-floor)
	}
	return rest
}
