package hystrix_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/conformance/hystrix"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// The model with all its ways is Hystrix: it predicts every observation that was recorded.
func TestTheModelPredictsEveryRecordedObservation(t *testing.T) {
	f, err := oracle.ReadFile("../testdata/scenarios.json")
	require.NoError(t, err)
	predicted := 0
	for _, s := range f.Scenarios {
		if s.Area == "cache" || s.Area == "collapser" {
			continue
		}
		steps, err := hystrix.Predict(s, hystrix.All())
		require.NoError(t, err, s.ID)
		for i, step := range s.Steps {
			if step.Op == "properties" {
				continue
			}
			for _, want := range step.Wants {
				for field, text := range want {
					predicted++
					if steps[i][0][field] != text {
						t.Errorf("%s: step %d (%s) %s: recorded %q, predicted %q", s.ID, i, step.Op, field, text, steps[i][0][field])
					}
				}
			}
		}
	}
	t.Logf("%d observations", predicted)
	require.Greater(t, predicted, 1000)
}
