package quill_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

func TestOverlaySetsWhatTheTextSetsAndNothingElse(t *testing.T) {
	source := quill.Settings{MaxConcurrent: 50, RequestVolumeThreshold: 5, QueueSize: 3, IgnoreRejected: true, Isolation: quill.Semaphore}
	got, err := source.Overlay([]byte(`{"timeout": "250ms"}`))
	require.NoError(t, err)
	want := source
	want.Timeout = 250 * ms
	require.Equal(t, want, got)

	got, err = got.Overlay([]byte(`{"queueSize": 0, "ignoreRejected": false, "isolation": "pool", "maxConcurrent": "unlimited"}`))
	require.NoError(t, err, "what is off or the first of its words is set like all else")
	require.Equal(t, quill.Settings{Timeout: 250 * ms, MaxConcurrent: quill.Unlimited, RequestVolumeThreshold: 5}, got)

	got, err = source.Overlay([]byte(`{}`))
	require.NoError(t, err)
	require.Equal(t, source, got)
}

func TestOverlayThatSwitchesTheSlowRuleOffTakesItsThresholdWithIt(t *testing.T) {
	source := quill.Settings{SlowCallDuration: 200 * ms, SlowCallPercentThreshold: 30}
	got, err := source.Overlay([]byte(`{"slowCallDuration": "0s"}`))
	require.NoError(t, err)
	require.Equal(t, quill.Settings{}, got)

	got, err = source.Overlay([]byte(`{"slowCallDuration": "300ms"}`))
	require.NoError(t, err)
	require.Equal(t, quill.Settings{SlowCallDuration: 300 * ms, SlowCallPercentThreshold: 30}, got)

	_, err = source.Overlay([]byte(`{"slowCallDuration": "0s", "slowCallPercentThreshold": 20}`))
	require.EqualError(t, err, "quill: settings: slowCallPercentThreshold is 20: must be left out unless slowCallDuration is set")
}

// overlays draws members of a JSON object of settings: values of good settings, those that are off,
// and bad ones.
func overlays() *rapid.Generator[map[string]string] {
	return rapid.Custom(func(t *rapid.T) map[string]string {
		text, err := json.Marshal(validSettings().Draw(t, "over"))
		require.NoError(t, err)
		var good map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(text, &good))
		set := map[string]string{}
		for _, r := range rules {
			how := rapid.IntRange(0, 29).Draw(t, r.key())
			value, ok := good[r.key()]
			switch {
			case ok && how < 5:
				set[r.key()] = string(value)
			case how == 5 && r.key() == "slowCallDuration", how == 5 && r.key() == "maxSleepWindow":
				set[r.key()] = `"0s"`
			case how == 5 && r.key() == "queueSize", how == 5 && r.key() == "rollingCalls", how == 5 && r.key() == "sleepWindowJitter":
				set[r.key()] = "0"
			case how == 6 && rapid.IntRange(0, 9).Draw(t, "bad "+r.key()) == 0:
				set[r.key()] = rapid.SampledFrom(r.badJSON()).Draw(t, "value of "+r.key())
			}
		}
		return set
	})
}

func objectOf(members map[string]string) []byte {
	var all []string
	for _, r := range rules {
		if value, ok := members[r.key()]; ok {
			all = append(all, `"`+r.key()+`": `+value)
		}
	}
	return []byte("{" + strings.Join(all, ", ") + "}")
}

// TestOverlayIsWhatSourceAndTextWrittenAsOneWouldBe: the same settings, or the same fields at fault.
func TestOverlayIsWhatSourceAndTextWrittenAsOneWouldBe(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		source := validSettings().Draw(t, "source")
		if rapid.IntRange(0, 9).Draw(t, "a mistake in the source") == 0 {
			source.Probes = 101
		}
		over := overlays().Draw(t, "text")

		written, err := json.Marshal(source)
		require.NoError(t, err)
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(written, &members))
		one := map[string]string{}
		for key, value := range members {
			one[key] = string(value)
		}
		if _, given := over["slowCallPercentThreshold"]; over["slowCallDuration"] == `"0s"` && !given {
			delete(one, "slowCallPercentThreshold")
		}
		maps.Copy(one, over)

		want, wantErr := quill.ParseSettings(objectOf(one))
		got, err := source.Overlay(objectOf(over))
		if wantErr != nil {
			refused++
			require.ElementsMatch(t, fieldsOf(problems(t, wantErr)), fieldsOf(problems(t, err)))
			require.Equal(t, source, got, "half applied")
			return
		}
		accepted++
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := got.Overlay(objectOf(over))
		require.NoError(t, err)
		require.Equal(t, got, again, "twice is as once")
	})
	t.Logf("%d taken, %d refused", accepted, refused)
	if !testing.Short() { // rapid tries fewer then
		require.Greater(t, accepted, 5)
		require.Greater(t, refused, 5)
	}
}

func TestOverlayNamesWhatIsWrong(t *testing.T) {
	source := quill.Settings{Timeout: 2 * time.Second, SlowCallDuration: time.Second, RequestVolumeThreshold: 30, QueueSize: 5, MaxSleepWindow: time.Minute}
	for _, tc := range []struct {
		source     quill.Settings
		data, want string
	}{
		{source, `{"timeout": null}`, `timeout is null: must be a string with a unit, such as "300ms": 1ms to 1h, or "none"`},
		{source, `{"probes": 0}`, `probes is 0: must be 1 to 100`},
		{source, `null`, `document is null: must be an object of settings, such as {"timeout": "300ms"}`},
		{source, `{"timeot": "1s"}`, `timeot is an unknown key ("1s"): must be timeout`},
		{source, `{"timeout": "500ms"}`, `slowCallDuration is 1s, which this text does not set: must be 1ms to 1h, and not above timeout (500ms)`},
		{
			source, `{"rollingCalls": 20}`,
			`requestVolumeThreshold is 30, which this text does not set: must be 1 to 1000000000, and not above rollingCalls (20)`,
		},
		{
			source, `{"sleepWindow": "2m", "timeout": "none", "maxConcurrent": "unlimited", "probez": 1}`,
			`probez is an unknown key (1): must be probes; ` +
				`maxSleepWindow is 1m, which this text does not set: must be 1ms to 24h, and not below sleepWindow (2m); ` +
				`queueSize is 5, which this text does not set: must be 0 where timeout is "none" (a call could wait for ever); ` +
				`queueSize is 5, which this text does not set: must be 0 where maxConcurrent is "unlimited" (no call ever waits)`,
		},
		{source, `{"sleepWindow": "2m", "maxSleepWindow": "1m"}`, `maxSleepWindow is 1m: must be 1ms to 24h, and not below sleepWindow (2m)`},
		{quill.Settings{Probes: -3}, `{}`, `probes is -3, which this text does not set: must be 1 to 100`},
		{quill.Settings{Probes: -3}, `{"probes": 101}`, `probes is 101: must be 1 to 100`},
	} {
		got, err := tc.source.Overlay([]byte(tc.data))
		require.EqualError(t, err, "quill: settings: "+tc.want)
		require.Equal(t, tc.source, got)
	}
	got, err := quill.Settings{Probes: -3}.Overlay([]byte(`{"probes": 3}`))
	require.NoError(t, err, "the text puts right what the source has wrong")
	require.Equal(t, quill.Settings{Probes: 3}, got)
}

// overlaid makes a registry with two circuits, one of them in a shared bulkhead.
func overlaid(t *testing.T) (r *quill.Registry, orders, invoices *quill.Circuit) {
	t.Helper()
	r = quill.NewRegistry()
	orders, err := r.Circuit("orders", quill.Settings{MaxConcurrent: 50, RequestVolumeThreshold: 5})
	require.NoError(t, err)
	shared := quill.NewBulkhead("database", quill.BulkheadSettings{MaxConcurrent: 7})
	invoices, err = r.Circuit("invoices", quill.Settings{Timeout: 2 * time.Second}, quill.WithBulkhead(shared))
	require.NoError(t, err)
	return r, orders, invoices
}

func TestAPartialFileLeavesTheLimitsOfTheSource(t *testing.T) {
	r, orders, invoices := overlaid(t)
	require.NoError(t, r.Overlay([]byte(`{"orders": {"timeout": "250ms"}}`)))
	require.Equal(t, quill.Settings{Timeout: 250 * ms, MaxConcurrent: 50, RequestVolumeThreshold: 5}, orders.Settings())
	require.Equal(t, 50, orders.Bulkhead().Stats().MaxConcurrent)
	require.Equal(t, quill.Settings{Timeout: 2 * time.Second}, invoices.Settings())
}

// TestWhatIsInForceFollowsFromSourceAndFile: whatever was in force before.
func TestWhatIsInForceFollowsFromSourceAndFile(t *testing.T) {
	r, orders, invoices := overlaid(t)
	file := []byte(`{"orders": {"timeout": "250ms", "probes": 2}, "invoices": {"probes": 3}}`)
	require.NoError(t, r.Overlay(file))
	both := orders.Settings()
	require.NoError(t, r.Overlay(file))
	require.Equal(t, both, orders.Settings(), "read twice")
	require.Equal(t, quill.Settings{Timeout: 2 * time.Second, Probes: 3}, invoices.Settings())

	require.NoError(t, orders.Configure(quill.Settings{MaxConcurrent: 3}))
	require.NoError(t, orders.Bulkhead().Resize(4, 0))
	require.NoError(t, orders.Override(quill.ForceOpen, 0, "by hand"))
	require.Equal(t, quill.Settings{MaxConcurrent: 50, RequestVolumeThreshold: 5}, orders.Declared())
	require.NoError(t, r.Overlay([]byte(`{"orders": {"timeout": "250ms"}}`)))
	require.Equal(t, quill.Settings{Timeout: 250 * ms, MaxConcurrent: 50, RequestVolumeThreshold: 5}, orders.Settings(), "a key is taken out")
	require.Equal(t, 50, orders.Bulkhead().Stats().MaxConcurrent)
	require.Equal(t, quill.ForceOpen, orders.Stats().Override, "what an operator forces lasts")
	require.Equal(t, quill.Settings{Timeout: 2 * time.Second}, invoices.Settings(), "a circuit is taken out")

	require.NoError(t, r.Overlay([]byte(`{}`)))
	for c := range r.All() {
		require.Equal(t, c.Declared(), c.Settings())
	}
	require.NoError(t, quill.NewRegistry().Overlay([]byte(`{}`)))
}

func TestARefusedFileChangesNothingAndEachCircuitCountsIt(t *testing.T) {
	r, orders, invoices := overlaid(t)
	require.NoError(t, orders.Configure(quill.Settings{MaxConcurrent: 3}))
	refused := uint64(0)
	for _, tc := range []struct{ data, want string }{
		{`{"orders": {"timeout": "250ms"}`, `quill: settings: document is broken at line 1, column 31 (unexpected end of JSON input): must be valid JSON`},
		{`[]`, `quill: settings: document is []: must be an object of settings by name, such as {"movie-info": {"timeout": "300ms"}}`},
		{`{"orders": {"timeout": 250}, "invoices": {"probes": 2}}`, `quill: settings of "orders": timeout is 250: must be a string with a unit, such as "300ms": 1ms to 1h, or "none"`},
		{`{"orders": {"probes": 2}, "order": {"timeout": "2s"}}`, `quill: circuit "order" does not exist`},
		{
			`{"invoices": {"isolation": "semaphore", "maxConcurrent": 5, "queueSize": 1}}`,
			`quill: settings of "invoices": ` +
				`isolation is "semaphore": must be left out: the circuit has a shared bulkhead, which has limits of its own; ` +
				`maxConcurrent is 5: must be left out: the circuit has a shared bulkhead, which has limits of its own; ` +
				`queueSize is 1: must be left out: the circuit has a shared bulkhead, which has limits of its own`,
		},
		{
			`{"orders": {"slowCallDuration": "2s", "probez": 2}, "order": {"slowCallDuration": "2s", "probes": 0}, " a": {}, "invoices": null} ?`,
			`quill: settings: document is followed by "?" at line 1, column 131: must be one JSON value
quill: settings of "orders": probez is an unknown key (2): must be probes; slowCallDuration is 2s: must be 1ms to 1h, and not above timeout (1s)
quill: settings of "order": probes is 0: must be 1 to 100
quill: circuit "order" does not exist
quill: settings of " a": name is " a", which begins with a space: must be ` + nameRule + `
quill: settings of "invoices": document is null: must be an object of settings, such as {"timeout": "300ms"}`,
		},
	} {
		refused++
		require.EqualError(t, r.Overlay([]byte(tc.data)), tc.want)
		require.Equal(t, quill.Settings{MaxConcurrent: 3}, orders.Settings())
		require.Equal(t, quill.Settings{Timeout: 2 * time.Second}, invoices.Settings())
		require.Equal(t, refused, orders.Stats().ConfigRejected)
		require.Equal(t, refused, invoices.Stats().ConfigRejected)
	}
	_, ok := errors.AsType[*quill.SettingsError](r.Overlay([]byte(`{"orders": {"probes": 0}, "order": {}}`)))
	require.True(t, ok)
}

// TestOverlayOfARegistryNeverStopsHalfWay: what it takes for good, every circuit takes.
func TestOverlayOfARegistryNeverStopsHalfWay(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		r := quill.NewRegistry()
		one, two := validSettings().Draw(rt, "one"), validSettings().Draw(rt, "two")
		two.Isolation, two.MaxConcurrent, two.QueueSize = quill.Pool, 0, 0
		first, err := r.Circuit("one", one)
		require.NoError(rt, err)
		second, err := r.Circuit("two", two, quill.WithBulkhead(quill.NewBulkhead("shared", quill.BulkheadSettings{})))
		require.NoError(rt, err)
		over, under := objectOf(overlays().Draw(rt, "over one")), objectOf(overlays().Draw(rt, "over two"))

		err = r.Overlay([]byte(`{"one": ` + string(over) + `, "two": ` + string(under) + `}`))
		if err != nil {
			refused++
			require.Equal(rt, one, first.Settings())
			require.Equal(rt, two, second.Settings())
			require.Equal(rt, []uint64{1, 1}, []uint64{first.Stats().ConfigRejected, second.Stats().ConfigRejected})
			return
		}
		accepted++
		for c, text := range map[*quill.Circuit][]byte{first: over, second: under} {
			want, err := c.Declared().Overlay(text)
			require.NoError(rt, err)
			require.Equal(rt, want, c.Settings())
			require.Zero(rt, c.Stats().ConfigRejected)
		}
	})
	t.Logf("%d taken, %d refused", accepted, refused)
	if !testing.Short() { // rapid tries fewer then
		require.Greater(t, accepted, 5)
		require.Greater(t, refused, 5)
	}
}

// Two reloads at once, as by a signal and by a watched file, must not leave a mixture of both in force.
func TestOfTwoReloadsAtOnceOneComesWhollyAfterTheOther(t *testing.T) {
	r := quill.NewRegistry()
	names := make([]string, 20)
	texts := [2]map[string]quill.Settings{{}, {}}
	for i := range names {
		names[i] = fmt.Sprint("dep-", i)
		_, err := r.Circuit(names[i])
		require.NoError(t, err)
		texts[0][names[i]] = quill.Settings{Timeout: 100 * time.Millisecond}
		texts[1][names[i]] = quill.Settings{Timeout: 200 * time.Millisecond}
	}
	ways := map[string]func(map[string]quill.Settings) error{
		"Overlay": func(s map[string]quill.Settings) error {
			text, err := json.Marshal(s)
			if err != nil {
				return err
			}
			return r.Overlay(text)
		},
		"Configure": r.Configure,
	}
	for name, put := range ways {
		for range 300 {
			var all sync.WaitGroup
			for _, s := range texts {
				all.Go(func() { assert.NoError(t, put(s)) })
			}
			all.Wait()
			inForce := map[time.Duration]int{}
			for c := range r.All() {
				inForce[c.Settings().Timeout]++
			}
			require.Len(t, inForce, 1, name)
		}
	}
}
