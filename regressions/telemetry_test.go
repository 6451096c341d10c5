package regressions_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// TestB51MetricsOfManyRegistries
//
// S: two registries in one process, whose metrics go to one Prometheus registry; a hundred
// such pairs, one after the other. T: a circuit that was never called; one that opens, and is
// removed and made anew. C: nothing is registered twice, every series is there before the
// first call, none is NaN, and the state is that of the circuit there is at the scrape.
func TestB51MetricsOfManyRegistries(t *testing.T) {
	for range 100 {
		all := prometheus.NewPedanticRegistry()
		var registries []*quill.Registry
		for _, manager := range []string{"one", "two"} {
			r := quill.NewRegistry()
			_, err := r.Circuit("dependency", quill.Settings{RequestVolumeThreshold: 1})
			require.NoError(t, err)
			require.NoError(t, all.Register(quillprom.New(r, quillprom.Settings{
				ConstLabels: prometheus.Labels{"manager": manager},
			})))
			registries = append(registries, r)
		}
		states := func(one, two string) {
			t.Helper()
			require.Equal(t, map[string]string{"one": one, "two": two}, statesOf(t, all))
		}
		states("closed", "closed")
		sick, _ := registries[0].Lookup("dependency")
		sick.Report(t.Context(), errDown, 0)
		states("open", "closed")
		require.True(t, registries[0].Remove("dependency"))
		states("", "closed")
		_, err := registries[0].Circuit("dependency")
		require.NoError(t, err)
		states("closed", "closed")
	}
}

// statesOf is the state that each manager's metrics give; no value may be NaN.
func statesOf(t *testing.T, from prometheus.Gatherer) map[string]string {
	t.Helper()
	states := map[string]string{"one": "", "two": ""}
	families, err := from.Gather()
	require.NoError(t, err)
	require.NotEmpty(t, families)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			for _, v := range []float64{m.GetGauge().GetValue(), m.GetCounter().GetValue(), m.GetHistogram().GetSampleSum()} {
				require.False(t, math.IsNaN(v), "%s %v", family.GetName(), labels)
			}
			if family.GetName() == "hystrix_circuit_breaker_state" && m.GetGauge().GetValue() == 1 {
				require.Empty(t, states[labels["manager"]], fmt.Sprint("two states of ", labels))
				states[labels["manager"]] = labels["state"]
			}
		}
	}
	return states
}
