package quillprom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// What a candidate would have done is told from when it is set, and its counters never go
// down when another one takes its place.
func TestCandidateSettingsHaveSeriesOfTheirOwn(t *testing.T) {
	r := quill.NewRegistry()
	c := circuit(t, r, "dep", quill.PassThrough())
	collector := quillprom.New(r, quillprom.Settings{})
	require.Empty(t, scrape(t, collector).of("hystrix_shadow"))

	candidate := quill.Settings{RequestVolumeThreshold: 10}
	require.NoError(t, c.SetShadow(candidate))
	set := scrape(t, collector)
	set.has(t, samples{
		`hystrix_shadow_calls_total{command_name="dep"}`:                          0,
		`hystrix_shadow_refusals_total{command_name="dep",reason="circuit-open"}`: 0,
		`hystrix_shadow_circuit_breaker_state{command_name="dep",state="closed"}`: 1,
	})

	calls(c, 12, errSick) // it opens at the tenth, and would refuse two that fail
	calls(c, 3, nil)      // and three that succeed
	opened := scrape(t, collector)
	opened.has(t, samples{
		`hystrix_shadow_calls_total{command_name="dep"}`:                           15,
		`hystrix_shadow_refusals_total{command_name="dep",reason="circuit-open"}`:  5,
		`hystrix_shadow_refusals_total{command_name="dep",reason="bulkhead-full"}`: 0,
		`hystrix_shadow_refused_total{command_name="dep",result="failed"}`:         2,
		`hystrix_shadow_refused_total{command_name="dep",result="succeeded"}`:      3,
		`hystrix_shadow_timeouts_total{command_name="dep"}`:                        0,
		`hystrix_shadow_timeouts_succeeded_total{command_name="dep"}`:              0,
		`hystrix_shadow_circuit_breaker_state{command_name="dep",state="open"}`:    1,
		`hystrix_command_is_circuit_breaker_open{command_name="dep"}`:              0,
	})

	require.Equal(t, opened, scrape(t, collector), "nothing is counted twice")

	candidate.RequestVolumeThreshold = 1
	require.NoError(t, c.SetShadow(candidate))
	calls(c, 20, errSick)
	second := scrape(t, collector)
	second.grewFrom(t, opened)
	second.has(t, samples{
		`hystrix_shadow_calls_total{command_name="dep"}`:                          35,
		`hystrix_shadow_refusals_total{command_name="dep",reason="circuit-open"}`: 24,
	})

	require.NoError(t, c.SetShadow(candidate), "the same once more is another one")
	calls(c, 30, errSick)
	third := scrape(t, collector)
	third.grewFrom(t, second)
	third.has(t, samples{`hystrix_shadow_calls_total{command_name="dep"}`: 65})

	c.EndShadow()
	ended := scrape(t, collector)
	ended.grewFrom(t, third)
	require.Empty(t, ended.of("hystrix_shadow_circuit_breaker_state"))
}
