package measure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/bench/measure"
)

func TestTheMedianIsTheMiddleFigure(t *testing.T) {
	require.Zero(t, measure.Samples(nil).Median())
	require.Equal(t, 7.0, measure.Samples{7}.Median())
	require.Equal(t, 2.0, measure.Samples{3, 1, 2}.Median())
	require.Equal(t, 2.5, measure.Samples{4, 1, 3, 2}.Median())
	require.Equal(t, 2.0, measure.Samples{1000, 1, 2, 2, 1}.Median(), "an outlier moves nothing")
}

func TestTakingAMedianLeavesTheRoundsInTheirOrder(t *testing.T) {
	s := measure.Samples{3, 1, 2}
	s.Median()
	require.Equal(t, measure.Samples{3, 1, 2}, s)
}

func TestTheSpreadIsTheQuartiles(t *testing.T) {
	low, high := measure.Samples{5, 1, 4, 2, 3}.Spread()
	require.Equal(t, 2.0, low)
	require.Equal(t, 4.0, high)
	low, high = measure.Samples{9}.Spread()
	require.Equal(t, low, high)
	low, high = measure.Samples{0, 1}.Spread()
	require.Equal(t, []float64{0.25, 0.75}, []float64{low, high})
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	// The machine was three times slower in the second round: the ratio does not show it.
	ours, theirs := measure.Samples{10, 30, 10}, measure.Samples{20, 60, 20}
	require.Equal(t, measure.Samples{2, 2, 2}, theirs.Over(ours))
	require.Equal(t, measure.Samples{5}, measure.Samples{1, 10}.Over(measure.Samples{0, 2}), "nothing is divided by zero")
	require.Empty(t, measure.Samples{1}.Over(nil))
	require.Len(t, measure.Samples{1, 2, 3}.Over(measure.Samples{1, 2}), 2)
}

func TestSumsAndDifferencesAreTakenRoundByRound(t *testing.T) {
	a, b := measure.Samples{5, 7, 9}, measure.Samples{1, 2}
	require.Equal(t, measure.Samples{6, 9}, a.Plus(b))
	require.Equal(t, measure.Samples{4, 5}, a.Minus(b))
	require.Equal(t, measure.Samples{10, 14, 18}, a.Times(2))
	require.Equal(t, measure.Samples{1, 2}, b, "what is subtracted stays as it is")
}

func TestAPercentileIsAFigureThatWasMeasured(t *testing.T) {
	sorted := make([]float64, 1000)
	for i := range sorted {
		sorted[i] = float64(i + 1)
	}
	for p, want := range map[float64]float64{0: 1, 50: 500, 99: 990, 99.9: 999, 99.99: 1000, 100: 1000} {
		require.Equal(t, want, measure.Percentile(sorted, p), "%g", p)
	}
	require.Equal(t, 4.0, measure.Percentile([]float64{4}, 99.9))
	require.Zero(t, measure.Percentile(nil, 50))
}
