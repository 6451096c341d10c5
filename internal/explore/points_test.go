//go:build explore

package explore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// comparing is a goroutine that raises a count by compare-and-swap, beside one that touches it
// twice and leaves it as it was but for the number of touches. It returns how often each end
// was seen, too.
func comparing(value func(count, touches uint64) uint64, holding bool) (r explore.Report, ends map[bool]bool) {
	ends = map[bool]bool{}
	r = explore.Run(func(s *explore.Scenario) {
		var count, touches uint64
		swapped := false
		s.Value("word", func() uint64 { return value(count, touches) })
		s.Go("swapper", func() {
			explore.Read("word")
			seen := touches
			if holding {
				explore.Holding("word", func() bool { return touches == seen })
			}
			explore.Read("elsewhere")
			explore.Write("word")
			if swapped = touches == seen; swapped {
				count++
				explore.Read("elsewhere")
			}
		})
		s.Go("toucher", func() {
			for range 3 {
				explore.Put("word")
				touches++
			}
		})
		s.Finally(func() error { ends[swapped] = true; return nil })
	})
	return r, ends
}

func TestWhatIsComparedOnlyMayBeLeftOutOfTheValue(t *testing.T) {
	whole := func(count, touches uint64) uint64 { return explore.Hash(count, touches) }
	count := func(count, _ uint64) uint64 { return count }
	all, ends := comparing(whole, false)
	require.NoError(t, all.Err)
	require.Equal(t, map[bool]bool{true: true, false: true}, ends)

	held, ends := comparing(count, true)
	require.NoError(t, held.Err)
	require.Equal(t, map[bool]bool{true: true, false: true}, ends)
	require.Equal(t, all.Schedules, held.Schedules)
	require.Less(t, held.States, all.States)

	wrong, _ := comparing(count, false)
	require.NotEqual(t, all.Schedules, wrong.Schedules, "states that differ are taken for one, which is what Holding is for")
}

func TestHoldingIsLetGoOf(t *testing.T) {
	explorer := func(letGo bool) explore.Report {
		return explore.Run(func(s *explore.Scenario) {
			touches := 0
			s.Value("word", func() uint64 { return 0 })
			s.Go("reader", func() {
				explore.Read("word")
				seen := touches
				explore.Holding("word", func() bool { return touches == seen })
				if letGo {
					explore.Holding("word", nil)
				}
				explore.Write("word")
			})
			s.Go("toucher", func() {
				explore.Put("word")
				touches++
			})
		})
	}
	held, free := explorer(false), explorer(true)
	require.Equal(t, held.Schedules, free.Schedules)
	require.Less(t, free.States, held.States)
}

func TestABlindWriteTellsTheWriterNothing(t *testing.T) {
	explorer := func(step func(string, ...any)) explore.Report {
		return explore.Run(func(s *explore.Scenario) {
			sum := uint64(0)
			s.Value("sum", func() uint64 { return sum })
			for i, name := range []string{"a", "b", "c"} {
				s.Go(name, func() {
					for range 2 {
						step("sum")
						sum += uint64(i + 1)
					}
				})
			}
			s.Finally(func() error {
				if sum != 12 {
					return fmt.Errorf("%d", sum)
				}
				return nil
			})
		})
	}
	seeing, blind := explorer(explore.Write), explorer(explore.Put)
	require.NoError(t, blind.Err)
	require.Equal(t, seeing.Schedules, blind.Schedules)
	require.Less(t, blind.States, seeing.States)
}

func TestABlindWriteOfWhatStandsStillIsFound(t *testing.T) {
	r := explore.Run(func(s *explore.Scenario) {
		s.Still("settings")
		s.Go("a", func() { explore.Put("settings") })
	})
	require.EqualError(t, r.Err, "settings was to stand still, and is written")
}
