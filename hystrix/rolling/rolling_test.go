package rolling_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/hystrix/rolling"
)

func TestNumberKeepsTheSecondsFromTenBeforeNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rolling.NewNumber()
		n.Increment(0)
		require.Empty(t, n.Buckets)
		for range 12 {
			n.Increment(2)
			time.Sleep(time.Second)
		}
		require.Equal(t, 20.0, n.Sum(time.Now()), "this second is empty, and ten before it count")
		require.Equal(t, 2.0, n.Avg(time.Now()))
		require.LessOrEqual(t, len(n.Buckets), 11)
		time.Sleep(time.Minute)
		require.Zero(t, n.Sum(time.Now()))
	})
}

// The two that follow are hystrix-go's own TestMax and TestAvg, in our words.
func TestNumberMaxIsTheLargestOfTheSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rolling.NewNumber()
		for _, v := range []float64{10, 11, 9} {
			n.UpdateMax(v)
			n.UpdateMax(v - 5)
			time.Sleep(time.Second)
		}
		require.Equal(t, 11.0, n.Max(time.Now()))
	})
}

func TestNumberAvgIsATenthOfTheSum(t *testing.T) {
	n := rolling.NewNumber()
	for _, v := range []float64{0.5, 1.5, 2.5, 3.5, 4.5} {
		n.Increment(v)
	}
	require.Equal(t, 1.25, n.Avg(time.Now()))
}

// This is hystrix-go's TestOrdinal, in our words.
func TestTimingPercentiles(t *testing.T) {
	for length, ranks := range map[int]map[float64]int{
		1:  {0: 1, 25: 1, 50: 1, 75: 1, 99: 1, 100: 1},
		2:  {0: 1, 25: 1, 50: 1, 51: 2, 75: 2, 100: 2},
		4:  {5: 1, 30: 2, 40: 2, 50: 2, 100: 4},
		5:  {5: 1, 30: 2, 40: 2, 50: 3, 100: 5},
		11: {25: 3, 50: 6, 75: 9, 100: 11},
	} {
		r := rolling.NewTiming()
		for i := range length {
			r.Add(time.Duration(length-i) * time.Millisecond)
		}
		for p, rank := range ranks {
			require.EqualValues(t, rank, r.Percentile(p), "%v per cent of %d", p, length)
		}
	}
	require.Zero(t, rolling.NewTiming().Percentile(50))
	require.Zero(t, rolling.NewTiming().Mean())
}

func TestMended10MeansOfSecondsAreRight(t *testing.T) {
	r := rolling.NewTiming()
	r.Add(4 * time.Second)
	r.Add(6 * time.Second)
	require.EqualValues(t, 5000, r.Mean())

	huge := rolling.NewTiming()
	for range 4 {
		huge.Add(time.Duration(1<<63 - 1))
	}
	require.EqualValues(t, 1<<32-1, huge.Mean())
}

func TestMended11NoDurationIsLost(t *testing.T) {
	const each = 200
	r := rolling.NewTiming()
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for range each {
				r.Add(time.Millisecond)
			}
		})
	}
	wg.Wait()
	require.Len(t, r.SortedDurations(), 12*each)
}

func TestMended12SortedDurationsAreTheCallers(t *testing.T) {
	r := rolling.NewTiming()
	r.Add(2 * time.Second)
	r.Add(time.Second)
	got := r.SortedDurations()
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second}, got)
	got[0] = time.Hour
	require.EqualValues(t, 1000, r.Percentile(0))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				r.Add(time.Second)
				_ = r.SortedDurations()
			}
		})
	}
	wg.Wait()
}

func TestMended12PercentilesOutOfRangeAreTheNearest(t *testing.T) {
	r := rolling.NewTiming()
	r.Add(time.Second)
	r.Add(2 * time.Second)
	require.EqualValues(t, 1000, r.Percentile(-5))
	require.EqualValues(t, 2000, r.Percentile(300))
}

func TestTimingForgetsAfterAMinuteAndSortsOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rolling.NewTiming()
		r.Add(time.Second)
		require.Len(t, r.SortedDurations(), 1)
		r.Add(time.Second)
		require.Len(t, r.SortedDurations(), 1, "not sorted again")
		time.Sleep(time.Second)
		require.Len(t, r.SortedDurations(), 2)
		time.Sleep(time.Minute)
		r.Add(3 * time.Second)
		require.Equal(t, []time.Duration{3 * time.Second}, r.SortedDurations())
		require.Len(t, r.Buckets, 1)
		require.Equal(t, r.CachedSortedDurations, r.SortedDurations())
		require.Equal(t, time.Now().UnixNano(), r.LastCachedTime)
	})
}
