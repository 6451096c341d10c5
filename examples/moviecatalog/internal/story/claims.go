package story

import (
	"fmt"
	"strings"
	"time"
)

// Claim is a sentence that the figures of a lesson must bear out.
type Claim struct {
	Lesson int
	Words  string
	Holds  func(f Figures) bool
}

// Figures finds rows by their names.
type Figures map[string]Row

// Verdict is a claim after it was held against the figures.
type Verdict struct {
	Claim

	OK bool
}

// String says the claim, and whether it holds.
func (v Verdict) String() string {
	if v.OK {
		return fmt.Sprintf("✓ lesson %d: %s", v.Lesson, v.Words)
	}
	return fmt.Sprintf("✗ lesson %d: NOT BORNE OUT: %s", v.Lesson, v.Words)
}

// Check holds the rows against every claim about the lessons that were played.
func Check(rows []Row) []Verdict {
	f := Figures{}
	played := map[int]bool{}
	for _, r := range rows {
		f[r.Name] = r
		played[r.Lesson] = true
	}
	var verdicts []Verdict
	for _, c := range claims {
		if played[c.Lesson] {
			verdicts = append(verdicts, Verdict{c, c.Holds(f)})
		}
	}
	return verdicts
}

func ms(n int) Millis { return Millis(time.Duration(n) * time.Millisecond) }

func within(m *Millis, limit int) bool { return m != nil && *m <= ms(limit) }

// claims leave room for a busy machine; what they compare differs by far more than that.
var claims = []Claim{
	{1, "unprotected, users see errors while the instance is down", func(f Figures) bool {
		r := f["1-down-unprotected"]
		return r.BrokenErrors*2 > r.BrokenRequests
	}},
	{1, "with a second instance, no user sees an error", func(f Figures) bool {
		r := f["1-down-failover"]
		return r.Requests > 0 && r.Errors == 0 && r.Failover > 0
	}},
	{1, "the circuit opens within half a second and the users have fresh answers again within 1.2 s of the cure", func(f Figures) bool {
		r := f["1-down-failover"]
		return within(r.Opened, 500) && within(r.Recovered, 1200)
	}},
	{2, "unprotected, also users who need nothing from the slow instance wait for more than a second", func(f Figures) bool {
		return f["2-slow-unprotected"].OtherP99 > ms(1000)
	}},
	{2, "a timeout alone does not save them, and shows errors besides", func(f Figures) bool {
		r := f["2-slow-timeout-only"]
		return r.OtherP99 > ms(1000) && r.Errors > 0
	}},
	{2, "with a breaker the circuit opens when the first calls time out, and in the last 2.5 s of the illness half of " +
		"the users are answered at least ten times sooner than with a timeout alone", func(f Figures) bool {
		b, t := f["2-slow-breaker"], f["2-slow-timeout-only"]
		return within(b.Opened, 4500) && b.LateRequests > 0 && b.LateP50*10 < t.LateP50
	}},
	{2, "so are then 99 of 100 of those who need nothing from the slow instance", func(f Figures) bool {
		return f["2-slow-breaker"].LateRequests > 0 && f["2-slow-breaker"].LateOtherP99*10 < f["2-slow-timeout-only"].LateOtherP99
	}},
	{2, "less than half as many calls reach the slow instance, in that time and in all", func(f Figures) bool {
		b, t := f["2-slow-breaker"], f["2-slow-timeout-only"]
		return b.LateReached*2 < t.LateReached && b.ReachedSick*2 < t.ReachedSick
	}},
	{2, "with a bulkhead besides, fewer than one user in 100 sees an error, and those who need nothing from the slow instance are quick " +
		"from the beginning: 99 of 100 within half a second", func(f Figures) bool {
		r := f["2-slow-bulkhead"]
		return r.Requests > 0 && r.Errors*100 < r.Requests && r.OtherErrors == 0 &&
			r.OtherP99 < ms(500) && r.OtherP99*5 < f["2-slow-breaker"].OtherP99
	}},
	{3, "the last 20 calls see the illness at least twice as soon as a window of 10 s", func(f Figures) bool {
		w, n := f["3-when-window"], f["3-when-last-calls"]
		return w.Opened != nil && n.Opened != nil && *n.Opened*2 < *w.Opened
	}},
	{3, "the later a circuit opens, the more calls reach the sick service", func(f Figures) bool {
		return f["3-when-last-calls"].ReachedSick < f["3-when-window"].ReachedSick
	}},
	{3, "lateness without errors opens no circuit, unless there is a rule for slow calls", func(f Figures) bool {
		blind, seen := f["3-when-slow-unseen"], f["3-when-slow-seen"]
		return blind.Requests > 0 && blind.Opened == nil && seen.Opened != nil
	}},
	{3, "the rule for slow calls brings most users back below 150 ms", func(f Figures) bool {
		blind, seen := f["3-when-slow-unseen"], f["3-when-slow-seen"]
		return blind.BrokenP50 >= ms(250) && seen.BrokenP50 < ms(150)
	}},
	{3, "a circuit that opened closes again within 1.2 s of the cure", func(f Figures) bool {
		return within(f["3-when-window"].Recovered, 1200) && within(f["3-when-last-calls"].Recovered, 1200)
	}},
	{4, "without a fallback, users see errors", func(f Figures) bool {
		r := f["4-fallback-error"]
		return r.BrokenErrors*2 > r.BrokenRequests
	}},
	{4, "with a default, they see the default and no error", func(f Figures) bool {
		r := f["4-fallback-default"]
		return r.Requests > 0 && r.Errors == 0 && r.Default > 0
	}},
	{4, "with the previous answer, they see that, and neither an error nor the default", func(f Figures) bool {
		r := f["4-fallback-last"]
		return r.Requests > 0 && r.Errors == 0 && r.Default == 0 && r.Stale > 0
	}},
	{5, "nobody sees an error although both instances hang", func(f Figures) bool {
		r := f["5-recovery"]
		return r.Requests > 0 && r.Errors == 0 && r.Stale > 0
	}},
	{5, "the circuits open within 1.2 s, and then half of the users are answered within 100 ms", func(f Figures) bool {
		r := f["5-recovery"]
		return within(r.Opened, 1200) && r.BrokenP50 < ms(100)
	}},
	{5, "it recovers by itself within 1.6 s", func(f Figures) bool {
		return within(f["5-recovery"].Recovered, 1600)
	}},
	{6, "with one pool for all, users who need only ratings-data see errors", func(f Figures) bool {
		return f["6-bulkhead-shared"].OtherErrors > 0
	}},
	{6, "with a pool for each, they see none and do not wait", func(f Figures) bool {
		r := f["6-bulkhead-own"]
		return r.OtherRequests > 0 && r.OtherErrors == 0 && r.OtherP99 < ms(500)
	}},
	{7, "a fallback in a proxy is skipped by inner calls: users see errors", func(f Figures) bool {
		r := f["7-inner-proxy"]
		return r.BrokenErrors*2 > r.BrokenRequests
	}},
	{7, "a fallback kept with the call is honored wherever the call comes from", func(f Figures) bool {
		r := f["7-inner-own"]
		return r.Requests > 0 && r.Errors == 0 && r.Stale > 0
	}},
}

// Failed returns an error that names each claim which is not borne out, and the rows that
// were disturbed, or nil.
func Failed(verdicts []Verdict, rows []Row) error {
	var broken []string
	for _, v := range verdicts {
		if !v.OK {
			broken = append(broken, fmt.Sprintf("lesson %d: %s", v.Lesson, v.Words))
		}
	}
	if broken == nil {
		return nil
	}
	for _, r := range rows {
		if r.Disturbed {
			broken = append(broken, "(the machine was too busy during "+r.Name+" for its figures to mean much)")
		}
	}
	return fmt.Errorf("the figures do not bear out what the story claims:\n  %s", strings.Join(broken, "\n  "))
}
