package story

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/load"
)

func after(n int) *Millis {
	m := ms(n)
	return &m
}

// good are made-up figures that bear out every claim.
func good() map[string]Row {
	rows := map[string]Row{
		"1-down-unprotected": {Errors: 120, BrokenErrors: 120},
		"1-down-failover":    {Failover: 120, Opened: after(70), Recovered: after(150)},

		"2-slow-unprotected":  {Errors: 280, OtherP99: ms(5000)},
		"2-slow-timeout-only": {Errors: 60, OtherP99: ms(5000), LateP50: ms(3000), LateOtherP99: ms(5000), ReachedSick: 100, LateReached: 40},
		"2-slow-breaker":      {OtherP99: ms(2600), LateP50: ms(2), LateOtherP99: ms(6), ReachedSick: 37, LateReached: 1, Opened: after(3100)},
		"2-slow-bulkhead":     {OtherP99: ms(6), LateP50: ms(2), ReachedSick: 10, Opened: after(170)},

		"3-when-window":      {Opened: after(1500), Recovered: after(300), ReachedSick: 185},
		"3-when-last-calls":  {Opened: after(70), Recovered: after(130), ReachedSick: 12},
		"3-when-slow-unseen": {BrokenP50: ms(252)},
		"3-when-slow-seen":   {BrokenP50: ms(2), Opened: after(320)},

		"4-fallback-error":   {Errors: 96, BrokenErrors: 96},
		"4-fallback-default": {Default: 97},
		"4-fallback-last":    {Stale: 97},

		"5-recovery": {Stale: 160, Opened: after(400), Recovered: after(250), BrokenP50: ms(2)},

		"6-bulkhead-shared": {Errors: 140, OtherErrors: 70},
		"6-bulkhead-own":    {Default: 80, OtherP99: ms(4)},

		"7-inner-proxy": {Errors: 75, BrokenErrors: 75},
		"7-inner-own":   {Stale: 60},
	}
	for name, r := range rows {
		r.Name, r.Lesson = name, int(name[0]-'0')
		r.Requests, r.BrokenRequests, r.OtherRequests, r.LateRequests = 300, 120, 150, 100
		rows[name] = r
	}
	return rows
}

func list(rows map[string]Row) []Row {
	var l []Row
	for _, r := range rows {
		l = append(l, r)
	}
	return l
}

func TestGoodFiguresBearOutEveryClaim(t *testing.T) {
	verdicts := Check(list(good()))
	require.Len(t, verdicts, len(claims))
	require.NoError(t, Failed(verdicts, nil))
}

func TestEveryVariantHasGoodFiguresHere(t *testing.T) {
	rows := good()
	n := 0
	for _, l := range Lessons(Settings{}) {
		for _, v := range l.Variants {
			require.Contains(t, rows, v.Name)
			require.Equal(t, l.Number, rows[v.Name].Lesson)
			n++
		}
	}
	require.Len(t, rows, n)
}

func TestClaimThatTheFiguresDoNotBearOutIsRed(t *testing.T) {
	for _, c := range []struct {
		claim  string // a part of its words
		row    string
		change func(r *Row)
	}{
		{"errors while the instance is down", "1-down-unprotected", func(r *Row) { r.BrokenErrors = 60 }},
		{"no user sees an error", "1-down-failover", func(r *Row) { r.Errors = 1 }},
		{"no user sees an error", "1-down-failover", func(r *Row) { r.Failover = 0 }},
		{"opens within half a second", "1-down-failover", func(r *Row) { r.Opened = nil }},
		{"opens within half a second", "1-down-failover", func(r *Row) { r.Recovered = after(1300) }},
		{"wait for more than a second", "2-slow-unprotected", func(r *Row) { r.OtherP99 = ms(900) }},
		{"a timeout alone", "2-slow-timeout-only", func(r *Row) { r.OtherP99 = ms(900) }},
		{"a timeout alone", "2-slow-timeout-only", func(r *Row) { r.Errors = 0 }},
		{"when the first calls time out", "2-slow-breaker", func(r *Row) { r.Opened = nil }},
		{"ten times sooner", "2-slow-breaker", func(r *Row) { r.LateP50 = ms(301) }},
		{"99 of 100 of those", "2-slow-breaker", func(r *Row) { r.LateOtherP99 = ms(501) }},
		{"less than half as many calls", "2-slow-breaker", func(r *Row) { r.LateReached = 20 }},
		{"less than half as many calls", "2-slow-breaker", func(r *Row) { r.ReachedSick = 50 }},
		{"with a bulkhead besides", "2-slow-bulkhead", func(r *Row) { r.Errors = 3 }},
		{"with a bulkhead besides", "2-slow-bulkhead", func(r *Row) { r.OtherErrors = 1 }},
		{"with a bulkhead besides", "2-slow-bulkhead", func(r *Row) { r.OtherP99 = ms(520) }},
		{"twice as soon", "3-when-last-calls", func(r *Row) { r.Opened = after(800) }},
		{"twice as soon", "3-when-window", func(r *Row) { r.Opened = nil }},
		{"the more calls reach", "3-when-last-calls", func(r *Row) { r.ReachedSick = 185 }},
		{"opens no circuit", "3-when-slow-unseen", func(r *Row) { r.Opened = after(10) }},
		{"opens no circuit", "3-when-slow-seen", func(r *Row) { r.Opened = nil }},
		{"below 150 ms", "3-when-slow-seen", func(r *Row) { r.BrokenP50 = ms(250) }},
		{"closes again", "3-when-window", func(r *Row) { r.Recovered = nil }},
		{"without a fallback", "4-fallback-error", func(r *Row) { r.BrokenErrors = 0 }},
		{"with a default", "4-fallback-default", func(r *Row) { r.Errors = 1 }},
		{"with the previous answer", "4-fallback-last", func(r *Row) { r.Default = 1 }},
		{"with the previous answer", "4-fallback-last", func(r *Row) { r.Stale = 0 }},
		{"both instances hang", "5-recovery", func(r *Row) { r.Errors = 1 }},
		{"answered within 100 ms", "5-recovery", func(r *Row) { r.BrokenP50 = ms(400) }},
		{"recovers by itself", "5-recovery", func(r *Row) { r.Recovered = nil }},
		{"one pool for all", "6-bulkhead-shared", func(r *Row) { r.OtherErrors = 0 }},
		{"a pool for each", "6-bulkhead-own", func(r *Row) { r.OtherErrors = 1 }},
		{"in a proxy", "7-inner-proxy", func(r *Row) { r.BrokenErrors = 0 }},
		{"kept with the call", "7-inner-own", func(r *Row) { r.Errors = 1 }},
	} {
		t.Run(c.claim+" "+c.row, func(t *testing.T) {
			rows := good()
			r := rows[c.row]
			c.change(&r)
			rows[c.row] = r
			err := Failed(Check(list(rows)), nil)
			require.ErrorContains(t, err, c.claim)
		})
	}
}

// A disabled breaker leaves its row with the timeout and the other instance: no opening,
// and the users wait as with the timeout alone.
func TestLessonTwoIsRedWithoutItsBreaker(t *testing.T) {
	rows := good()
	r, timed := rows["2-slow-breaker"], rows["2-slow-timeout-only"]
	r.Opened = nil
	r.LateP50, r.LateOtherP99, r.LateReached, r.ReachedSick = timed.LateP50, timed.LateOtherP99, timed.LateReached, timed.ReachedSick
	rows[r.Name] = r
	err := Failed(Check(list(rows)), nil)
	for _, claim := range []string{"ten times sooner", "99 of 100 of those", "less than half as many"} {
		require.ErrorContains(t, err, claim)
	}
}

func TestLateFiguresAreOfTheLastPartOfTheIllness(t *testing.T) {
	tl := Timeline{Broke: time.Second, Healed: 7 * time.Second, End: 9 * time.Second}
	for at := time.Duration(0); at < tl.End; at += 100 * time.Millisecond {
		s := load.Sample{At: at, Status: 200, Latency: time.Second}
		if at >= 4500*time.Millisecond && at < tl.Healed {
			s.Latency = time.Millisecond
		}
		tl.Samples, tl.Sick = append(tl.Samples, s), append(tl.Sick, at)
	}
	r := newRow(Lesson{}, Variant{}, tl)
	require.Equal(t, 25, r.LateRequests)
	require.Equal(t, ms(1), r.LateP50)
	require.Equal(t, ms(1), r.LateP99)
	require.Equal(t, 25, r.LateReached)
	require.Equal(t, 90, r.ReachedSick)
}

func TestNoFiguresBearOutNothing(t *testing.T) {
	for _, c := range claims {
		require.False(t, c.Holds(Figures{}), c.Words)
	}
}

func TestOnlyPlayedLessonsAreJudged(t *testing.T) {
	verdicts := Check([]Row{good()["7-inner-proxy"], good()["7-inner-own"]})
	require.Len(t, verdicts, 2)
}

func TestFailedNamesDisturbedRows(t *testing.T) {
	verdicts := []Verdict{{Claim: Claim{Lesson: 1, Words: "w"}}}
	require.ErrorContains(t, Failed(verdicts, []Row{{Name: "1-x", Disturbed: true}}), "too busy during 1-x")
}

// timeline is one of a request each 100 ms: broken from 1 s to 2 s, ended at 3 s.
func timeline(kind func(at time.Duration) load.Sample) Timeline {
	t := Timeline{Broke: time.Second, Healed: 2 * time.Second, End: 3 * time.Second}
	for at := time.Duration(0); at < t.End; at += 100 * time.Millisecond {
		s := kind(at)
		s.At = at
		t.Samples = append(t.Samples, s)
	}
	return t
}

func TestRecoveredIsWhenAllAnswersAreFreshAndQuickAgain(t *testing.T) {
	until := func(end time.Duration, bad load.Sample) Timeline {
		return timeline(func(at time.Duration) load.Sample {
			if at >= time.Second && at < end {
				return bad
			}
			return load.Sample{Status: 200, Latency: time.Millisecond}
		})
	}
	stale := load.Sample{Status: 200, Kind: api.Stale}
	require.Equal(t, after(0), recovered(until(2*time.Second, stale)))
	require.Equal(t, after(500), recovered(until(2500*time.Millisecond, stale)))
	require.Equal(t, after(500), recovered(until(2500*time.Millisecond, load.Sample{Status: 503})))
	require.Equal(t, after(500), recovered(until(2500*time.Millisecond, load.Sample{Status: 200, Latency: time.Second})))
	require.Nil(t, recovered(until(3*time.Second, stale)), "not seen to recover")
	require.Nil(t, recovered(Timeline{}))
}

func TestOpenedIsTheFirstOpeningAfterTheIllnessBegan(t *testing.T) {
	tl := Timeline{Broke: time.Second, Circuits: []Band{
		{"a", []Change{{At: 500 * time.Millisecond, State: quill.Open}, {At: 3 * time.Second, State: quill.Open}}},
		{"b", []Change{{At: 1100 * time.Millisecond, State: quill.HalfOpen}, {At: 1200 * time.Millisecond, State: quill.Open}}},
	}}
	require.Equal(t, after(200), opened(tl))
	require.Nil(t, opened(Timeline{}))
}

func TestDisturbedIsWhatWentWrongBeforeAnythingWasBroken(t *testing.T) {
	well := load.Sample{Status: 200, Latency: time.Millisecond}
	first := func(bad load.Sample) Timeline {
		return timeline(func(at time.Duration) load.Sample {
			if at == 300*time.Millisecond || at >= time.Second {
				return bad
			}
			return well
		})
	}
	require.False(t, disturbed(first(well)))
	require.True(t, disturbed(first(load.Sample{Status: 504})))
	require.True(t, disturbed(first(load.Sample{Status: 200, Kind: api.Failover})))
	require.True(t, disturbed(first(load.Sample{Status: 200, Latency: 300 * time.Millisecond})))
}
