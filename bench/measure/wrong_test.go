package measure_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
)

// A call that is refused is quick: it must not pass for one that was answered.
func TestEveryMeasurementCountsWrongAnswers(t *testing.T) {
	s := measure.Subject{
		Case: contender.Success, Load: measure.Load{Cores: 1, Callers: 2},
		Call: func(context.Context, int) (int, error) { return -1, nil },
	}
	require.Equal(t, 5, s.Paced(5, time.Microsecond).Wrong)
	sorted, wrong := s.Latencies(time.Microsecond)
	require.NotEmpty(t, sorted)
	require.GreaterOrEqual(t, wrong, len(sorted))
	f := s.Closed(time.Microsecond)
	require.Equal(t, f.Calls, f.Wrong)
}
