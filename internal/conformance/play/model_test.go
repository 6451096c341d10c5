package play

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/conformance/hystrix"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// The model without any of its ways is quill: what quill does in a scenario is what it says.
func TestTheModelWithoutItsWaysIsQuill(t *testing.T) {
	f, err := oracle.ReadFile("../testdata/scenarios.json")
	require.NoError(t, err)
	for _, s := range f.Scenarios {
		if Missing(s) != "" {
			continue
		}
		seen := Observe(t, s)
		steps, err := hystrix.Predict(s, nil)
		require.NoError(t, err, s.ID)
		for i, step := range s.Steps {
			for _, field := range seen[i].Fields() {
				if text, ok := steps[i][0][field]; (ok || step.Op != "properties") && text != seen[i][field] {
					t.Errorf("%s: step %d (%s) %s: quill %q, the model %q", s.ID, i, step.Op, field, seen[i][field], text)
				}
			}
		}
	}
}
