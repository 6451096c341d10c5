package play

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// Observe is what quill does at each step of a scenario.
func Observe(t *testing.T, s *oracle.Scenario) (seen []oracle.Observation) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := newWorld(s)
		require.NoError(t, err)
		if !s.Lazy {
			require.NoError(t, w.build())
		}
		defer w.end()
		for _, step := range s.Steps {
			o, err := w.step(step)
			require.NoError(t, err)
			seen = append(seen, o)
		}
	})
	return seen
}
