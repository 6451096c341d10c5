package quill

import (
	"context"
	"crypto/fips140"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What hangs on a goroutine and not on a context: a worker must not keep it from one call to the next.

// again runs one test of this program with other GODEBUG settings, in a process of its own.
func again(t *testing.T, test, godebug string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG="+godebug)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+test)
}

func TestNoWorkerGoesOnWithoutTheEnforcementOfFIPS140(t *testing.T) {
	if !fips140.Enforced() {
		again(t, t.Name(), "fips140=only")
		return
	}
	enforced := func(context.Context) (bool, error) { return fips140.Enforced(), nil }
	c := warmCircuit(t, Settings{})
	for range 3 {
		fips140.WithoutEnforcement(func() {
			is, err := Do(t.Context(), c, enforced)
			require.NoError(t, err)
			require.False(t, is, "the caller asked for that")
		})
		is, err := Do(t.Context(), c, enforced)
		require.NoError(t, err)
		require.True(t, is, "and this one did not")
	}
}

func TestAPanicOfNilIsAPanic(t *testing.T) {
	if os.Getenv("GODEBUG") != "panicnil=1" {
		again(t, t.Name(), "panicnil=1")
		return
	}
	c := warmCircuit(t, Settings{})
	for range 3 {
		func() {
			defer func() {
				p, ok := recover().(*PanicError)
				require.True(t, ok)
				require.IsType(t, new(runtime.PanicNilError), p.Value)
			}()
			_, _ = Do(t.Context(), c, func(context.Context) (int, error) { panic(nil) })
		}()
	}
	require.Equal(t, Counts{Failure: 3}, c.Stats().Total)
	require.EqualValues(t, 3, c.Stats().Panics)
}

func TestTheDeadlineOfRunGoesByTheWallClockAsItIs(t *testing.T) {
	defer lastStart.Store(lastStart.Load())
	anHourOff := processStart.Add(-time.Hour) // as if the clock had been set since
	lastStart.Store(&anHourOff)
	d := newDeadlineContext(context.Background(), time.Since(processStart)+5*time.Second)
	at, _ := d.Deadline()
	require.WithinDuration(t, time.Now().Add(5*time.Second).Round(0), at.Round(0), time.Second, "as another machine reads it")
	require.InDelta(t, 5*time.Second, time.Until(at), float64(time.Second))
	again, _ := d.Deadline()
	require.Equal(t, at, again)
}

func TestAProcessThatWasStoppedBetweenTwoClocksTakesNoStepOfTheClock(t *testing.T) {
	now := time.Now()
	anHourOff := processStart.Add(-time.Hour)
	start, stepped := startAsRead(anHourOff, now.Sub(processStart), now)
	require.True(t, stepped)
	require.WithinDuration(t, processStart, start, time.Second)

	start, stepped = startAsRead(anHourOff, now.Sub(processStart)-30*time.Millisecond, now)
	require.False(t, stepped, "it was stopped for 30 ms")
	require.Equal(t, anHourOff, start)
}

func TestFmtReadsNoFieldOfRunsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := newCircuit("dep", &options{settings: Settings{Isolation: Semaphore}})
	text, err := Do(ctx, c, func(ctx context.Context) (string, error) { return ctx.(interface{ String() string }).String(), nil })
	require.NoError(t, err)
	require.Regexp(t, `WithCancel\.WithDeadline\(\d{4}-.* \[\d+.*s\]\)$`, text)
}
