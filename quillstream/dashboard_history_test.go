package quillstream

import (
	"reflect"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestHistoryOfACommandIsAnHourAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		c := circuit(reg, "movies", 0, 0, semaphore)
		b := newBoard(t, reg)
		time.Sleep(period / 2) // never at the moment of a look
		for range 2 * mostPoints {
			circuit(reg, "movies", 2, 1)
			time.Sleep(period)
		}
		h := b.history.of(c.Name())
		require.Len(t, h.Passed, mostPoints)
		require.EqualValues(t, 2, h.Passed[0])
		require.EqualValues(t, 1, h.Failed[mostPoints-1])
		require.InDelta(t, 3597, h.AgoS[0], 1)
		require.InDelta(t, 2, h.AgoS[mostPoints-1], 1, "the youngest is last")
		r := b.history.records["movies"]
		require.Equal(t, mostPoints, cap(r.ring))
		require.EqualValues(t, 32, reflect.TypeFor[point]().Size(), "720 points of 32 bytes are the 23 KiB that Board's comment states")
	})
}

func TestCommandWithoutCallsCostsNoHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		circuit(reg, "idle", 0, 0, semaphore)
		b := newBoard(t, reg)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Nil(t, b.history.records["idle"].ring)
	})
}

func TestHistoryForgetsWhatIsRemovedAndDoesNotMixNamesakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		circuit(reg, "movies", 1, 0, semaphore)
		b := newBoard(t, reg)
		circuit(reg, "movies", 100, 0)
		time.Sleep(period)
		synctest.Wait()
		require.Equal(t, []uint32{100}, b.history.of("movies").Passed)

		reg.Remove("movies")
		circuit(reg, "movies", 7, 0, semaphore)
		time.Sleep(2 * period)
		synctest.Wait()
		require.Equal(t, []uint32(nil), b.history.of("movies").Passed, "what came before the first look is nobody's")
		reg.Remove("movies")
		time.Sleep(period)
		synctest.Wait()
		require.Empty(t, b.history.records)
	})
}

func TestHistoryStandsStillAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		circuit(reg, "movies", 0, 0, semaphore)
		b := Dashboard(reg)
		b.Close()
		circuit(reg, "movies", 1, 0)
		time.Sleep(time.Hour)
		require.Empty(t, b.history.of("movies").Passed)
		require.Equal(t, 200, get(b, "GET", "/data/now", "").Code, "the page still shows what is")
		b.Close() // twice is once
	})
}

func TestNoGoroutineRestsBetweenLooks(t *testing.T) {
	before := runtime.NumGoroutine()
	const boards = 100
	for range boards {
		get(newBoard(t, quill.NewRegistry()), "GET", "/data/now", "")
	}
	// Other tests' boards may be about to look, and a few goroutines may be the runtime's own.
	require.Less(t, runtime.NumGoroutine(), before+boards/2)
}

func TestForgottenDashboardIsCollected(t *testing.T) {
	h := weak.Make(Dashboard(quill.NewRegistry()).history)
	require.Eventually(t, func() bool {
		runtime.GC()
		return h.Value() == nil
	}, 10*time.Second, time.Millisecond)
}

func TestFallbackAnswersOfTheLastMinuteAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		c := quill.NewCircuit("movies", semaphore, quill.WithRegistry(reg))
		ask := quill.Bind(c, failing).OrElse(1)
		b := newBoard(t, reg)
		for range 4 {
			_, _ = ask.Do(t.Context(), 0)
		}
		time.Sleep(2 * time.Minute)
		_, _ = ask.Do(t.Context(), 0)
		time.Sleep(period)
		synctest.Wait()
		v := b.viewCircuit(c)
		require.Len(t, v.Steps, 1)
		require.EqualValues(t, 5, v.Steps[0].Answered)
		require.EqualValues(t, 1, v.Steps[0].Recent)
	})
}

// A look may come between a viewer's numbers and what they are compared with.
func TestAnswersOfTheLastMinuteAreNeverNegative(t *testing.T) {
	reg := quill.NewRegistry()
	h := &history{registry: reg, records: map[string]*record{}}
	c := quill.NewCircuit("movies", semaphore, quill.WithRegistry(reg))
	ask := quill.Bind(c, failing).OrElse(1)
	v := viewCommand(c.Stats())
	_, _ = ask.Do(t.Context(), 0)
	h.look()
	h.fillRecent(c, v.Steps)
	require.Len(t, v.Steps, 1)
	require.Zero(t, v.Steps[0].Recent, "0 answers by those numbers, 1 by the look's")
}
