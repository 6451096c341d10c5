package story

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
)

// The warm workers of quill's pools go by themselves after a while.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/seed-f7c3343e/quill.(*worker).loop"))
}

func TestShortStoryIsPlayedMeasuredAndShown(t *testing.T) {
	l := fallbacks()
	l.Variants = l.Variants[2:]
	v := &l.Variants[0]
	v.Healthy, v.Breaks, v.Healed = 300*time.Millisecond, 700*time.Millisecond, 700*time.Millisecond
	lessons := []Lesson{l}

	var said bytes.Buffer
	rows, err := Play(t.Context(), lessons, slog.New(slog.DiscardHandler), NewProgress(&said, false, lessons))
	require.NoError(t, err)
	require.Len(t, rows, 1)
	r := rows[0]
	require.Equal(t, 102, r.Requests)
	require.Equal(t, r.Requests, r.Errors+r.Fresh+r.Failover+r.Stale+r.Default)
	require.Positive(t, r.Stale)
	require.Positive(t, r.Fresh)
	require.Positive(t, r.ReachedSick)
	require.NotNil(t, r.Opened)
	require.Contains(t, said.String(), "[ 1/1]  2 s left  lesson 4: the previous answer (best)\n")

	var page bytes.Buffer
	require.NoError(t, WriteReport(&page, lessons, rows, Check(rows)))
	for _, part := range []string{"4. Three fallbacks", `class="stale"`, `class="open"`, "info-1", "<svg", "</html>"} {
		require.Positive(t, strings.Count(page.String(), part), part) // a page is too long to be shown
	}
	for _, part := range []string{"<script", "src=", "href=", "url(", "@import", "ZgotmplZ"} {
		require.Zero(t, strings.Count(page.String(), part), "the page needs nothing else, so why %q?", part)
	}
}

func TestJSONHasTheFieldsThatWereAskedFor(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteJSON(&out, []Row{{Name: "n", P50: Millis(1234567), Opened: after(70)}}))
	var back struct{ Lessons []map[string]any }
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	require.Len(t, back.Lessons, 1)
	row := back.Lessons[0]
	for field := range strings.FieldsSeq("name requests errors fresh failover stale default p50_ms p99_ms " +
		"reached_sick_service peak_goroutines opened_after_ms recovered_after_ms") {
		require.Contains(t, row, field)
	}
	require.InDelta(t, 1.2, row["p50_ms"], 1e-9)
	require.InDelta(t, 70, row["opened_after_ms"], 1e-9)
	require.Nil(t, row["recovered_after_ms"], "never")
}

func TestTableHasARowAndItsVerdicts(t *testing.T) {
	rows := []Row{good()["7-inner-proxy"], good()["7-inner-own"]}
	rows[1].Errors = 1
	var out bytes.Buffer
	require.NoError(t, WriteTable(&out, Lessons(Settings{}), rows, Check(rows)))
	require.Contains(t, out.String(), "7. Each call keeps its own fallback")
	require.Contains(t, out.String(), "✓ lesson 7: a fallback in a proxy")
	require.Contains(t, out.String(), "✗ lesson 7: NOT BORNE OUT: a fallback kept with the call")
	require.NotContains(t, out.String(), "6. Bulkheads")
}

func TestStoryFitsIntoItsTime(t *testing.T) {
	require.LessOrEqual(t, NewProgress(io.Discard, false, Lessons(Settings{})).Left(), 82*time.Second)
}

func TestProgressRewritesItsLineEachSecondOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lessons := Lessons(Settings{})
		var out bytes.Buffer
		p := NewProgress(&out, true, lessons)
		p.start(lessons[0], lessons[0].Variants[0])
		before := p.Left()
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, before-2500*time.Millisecond, p.Left())
		p.start(lessons[0], lessons[0].Variants[1])
		p.End()
		synctest.Wait()
		require.NotContains(t, out.String(), "\n")
		lines := strings.Split(out.String(), "\r\x1b[K")
		require.Len(t, lines, 1+4+1)
		for _, line := range lines {
			require.Less(t, len(line), 80)
		}
		require.NotEqual(t, lines[1], lines[2], "the seconds count down")
	})
}

func TestPlainProgressIsALineForEachRun(t *testing.T) {
	lessons := Lessons(Settings{})
	var out bytes.Buffer
	p := NewProgress(&out, false, lessons)
	for _, l := range lessons {
		for _, v := range l.Variants {
			p.start(l, v)
		}
	}
	p.End()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, p.count)
	for _, line := range lines {
		require.Less(t, len(line), 80)
		require.NotContains(t, line, "\x1b")
	}
}

func TestRunsAreRepeatedOnlyWhileThereIsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := Variant{Healthy: 10 * time.Second, Breaks: 20 * time.Second}
		l := Lesson{Variants: []Variant{v, v}}
		p := NewProgress(io.Discard, false, []Lesson{l})
		p.start(l, v)
		time.Sleep(24 * time.Second)
		require.True(t, p.again(v), "24 s gone, 30 s again, 30 s to come")
		time.Sleep(time.Second)
		require.False(t, p.again(v))
		p.End()
	})
}

func TestReadersSettingsAddARowAndAreChecked(t *testing.T) {
	turned := Settings{Volume: 5, ErrorPercent: 30, SleepWindow: time.Second, LastCalls: 10}
	require.NoError(t, turned.Validate())
	third := Lessons(turned)[2]
	yours := third.Variants[len(third.Variants)-1]
	require.Equal(t, "3-when-yours", yours.Name)
	require.Equal(t, failing, yours.Fault)

	third = Lessons(Settings{SlowCall: 100 * time.Millisecond})[2]
	require.Equal(t, fault.Faults{Slow: 250 * time.Millisecond}, third.Variants[len(third.Variants)-1].Fault)

	require.ErrorContains(t, Settings{ErrorPercent: 101}.Validate(), "ErrorPercentThreshold")
	require.ErrorContains(t, Settings{SlowCall: time.Minute}.Validate(), "SlowCallDuration")
}

func TestMillisReadWell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 1234 * time.Microsecond: "1.2 ms", 15 * time.Millisecond: "15 ms", 3 * time.Second: "3.0 s",
	} {
		require.Equal(t, want, Millis(d).String())
	}
}

func TestWrapBreaksAtWords(t *testing.T) {
	require.Equal(t, "one two\nthree", wrap("one two three", 8))
}

// TestSlowInstanceIsCuredClearOfTheWavesOfTimeouts: whether the last wave of slow calls begins before the
// cure or after it must not depend on the machine, for the figures are then quite other ones.
func TestSlowInstanceIsCuredClearOfTheWavesOfTimeouts(t *testing.T) {
	const timeout, room = 3 * time.Second, 500 * time.Millisecond
	v := slow().Variants[1]
	require.Equal(t, "a timeout of 3 s", v.Label)
	wave := time.Duration(float64(v.Workers) / (v.Rate / 2) * float64(time.Second)) // until each worker has begun a slow call
	sinceWave := v.Breaks % timeout
	require.Greater(t, sinceWave, wave+room)
	require.Less(t, sinceWave, timeout-room)
}
