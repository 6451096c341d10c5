package quill

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The arithmetic of the machine at its edges, where mutants of it would live.

func TestAdditionOfTimesEndsAtTheEndOfTime(t *testing.T) {
	for _, c := range []struct{ a, b, want time.Duration }{
		{0, 0, 0},
		{1, 0, 1},
		{math.MaxInt64, 0, math.MaxInt64},
		{math.MaxInt64 - 1, 1, math.MaxInt64},
		{math.MaxInt64, 1, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{-time.Second, time.Second, 0}, // a circuit made outside reads negative times in a bubble
	} {
		require.Equal(t, c.want, addSaturating(c.a, c.b), "%d + %d", c.a, c.b)
	}
}

func TestNothingIsNoShareOfAnything(t *testing.T) {
	require.False(t, reaches(0, 0, 50))
	require.False(t, reaches(0, 100, 0))
	require.True(t, reaches(1, 100, 0))
	require.True(t, reaches(1, 2, 50))
	require.False(t, reaches(99, 199, 50))
	require.True(t, reaches(7, 10_000, 0.07), "which no binary fraction is")
}

func TestSleepWindowGrowsUpToItsLimitAndNoFurther(t *testing.T) {
	r := rules{sleep: time.Second, maxSleep: 5 * time.Second}
	for reopened, want := range []time.Duration{1, 2, 4, 5, 5, 5} {
		require.Equal(t, want*time.Second, r.sleepFor(reopened, 0, 0), "after %d failed probes", reopened)
	}
	r.maxSleep = 4 * time.Second
	require.Equal(t, 4*time.Second, r.sleepFor(2, 0, 0))
	require.Equal(t, 4*time.Second, r.sleepFor(1_000_000_000, 0, 0), "and at once")
	r = rules{sleep: math.MaxInt64 / 2, maxSleep: math.MaxInt64}
	require.Equal(t, time.Duration(math.MaxInt64), r.sleepFor(3, 0, 0))
}

func TestTimeUntilAProbeIsNeverNegative(t *testing.T) {
	b := breaker{state: Open, openUntil: 5 * time.Second}
	require.Equal(t, time.Second, b.retryAfter(4*time.Second))
	require.Zero(t, b.retryAfter(5*time.Second))
	require.Zero(t, b.retryAfter(6*time.Second))
	b.state = HalfOpen
	require.Zero(t, b.retryAfter(4*time.Second))
}

func TestSuccessesAreWatchedOnlyWhereTheyCouldOpen(t *testing.T) {
	r := rules{volume: 20}
	for _, c := range []struct {
		n    tally
		want bool
	}{
		{tally{requests: 5}, false},
		{tally{requests: 5, errors: 1}, true},
		{tally{requests: 5, slow: 1}, true},
		{tally{requests: 19, errors: 1}, true},
		{tally{requests: 20, errors: 1}, false},
	} {
		require.Equal(t, c.want, watchful(&r, c.n), "%+v", c.n)
	}
}

func TestRefusalsTellWhatIsLeftOfTheSleepWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit("dep", gather([]Option{Settings{RequestVolumeThreshold: 1, Isolation: Semaphore}}))
		do := func() error {
			_, err := Do(t.Context(), c, func(context.Context) (int, error) { return 0, ErrUnwound })
			return err
		}
		time.Sleep(time.Hour)
		require.ErrorIs(t, do(), ErrUnwound)
		for left := 5 * time.Second; left > 0; left -= time.Second {
			var e *Error
			require.ErrorAs(t, do(), &e)
			require.Equal(t, left, e.RetryAfter)
			require.Equal(t, left, c.Stats().RetryAfter)
			time.Sleep(time.Second)
		}
		require.ErrorIs(t, do(), ErrUnwound, "a probe")
	})
}
