package quill_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// Events: docs/invariants.md, section K. Names of hosts are quillhttp's.

// TestK06NotificationsAreBoundedAndDropsCounted: a hook that hangs holds up to MostPending
// of them. What is told and what is counted as dropped is all there was, and the last one
// is among those told.
func TestK06NotificationsAreBoundedAndDropsCounted(t *testing.T) {
	for _, n := range []int{1, quill.MostPending, quill.MostPending + 1, quill.MostPending + 2, 3 * quill.MostPending} {
		inBubble(t, func(t *testing.T) {
			release := make(chan struct{})
			var told []quill.Transition
			c := newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{OnTransition: func(e quill.Transition) {
				<-release
				told = append(told, e)
			}}))
			for i := range n {
				require.NoError(t, c.Override(quill.Override(1+i%3), 0, "number"))
				if i == 0 {
					synctest.Wait() // until it is being told
				}
			}
			synctest.Wait()
			dropped := c.Stats().NotificationsDropped
			require.EqualValues(t, max(0, n-1-quill.MostPending), dropped, "%d notifications, one being told", n)
			close(release)
			synctest.Wait()
			require.Len(t, told, n-int(dropped))
			require.Equal(t, c.Stats().LastTransition, told[len(told)-1])
			require.Equal(t, dropped, c.Stats().NotificationsDropped)
		})
	}
}

// hostile are texts that have broken somebody's JSON.
var hostile = []string{
	"a", `quo"ted`, `back\slash`, "new\nline", "tab\t", "\x00", "\x7f", "\u2028", "\u2029", "bad \xff UTF-8", "\xed\xa0\x80",
	"</script><script>", "영화 정보", "🎬", "\u202eright to left", "\ufeff", strings.Repeat("x", 201), "{", `",`, "%s%d",
}

// TestK07WhatIsShownIsValidJSON: whatever is given as a name, a reason, a setting or an
// error, what can be marshaled is valid JSON and, where it is a name, comes back the same.
func TestK07WhatIsShownIsValidJSON(t *testing.T) {
	show := func(t *testing.T, name, reason string) {
		t.Helper()
		var d diary
		c, err := quill.NewRegistry().Circuit(name, d.hooks())
		if err != nil {
			requireJSON(t, err.Error(), "an error quotes what it shows")
			return
		}
		requireJSON(t, name, "a name that is allowed")
		_ = c.Override(quill.ForceClosed, time.Second, reason) // a reason may be too long
		_ = call(t, c, errors.New(reason))
		synctest.Wait()
		s := c.Stats()
		for _, v := range []any{s.Name, s.State, s.Override, s.Health, s.Window, s.Total, s.Fallbacks, s.Settings, s.LastTransition} {
			text, err := json.Marshal(v)
			require.NoError(t, err)
			require.True(t, json.Valid(text) && utf8.Valid(text), "%q", text)
		}
	}
	t.Run("hostile", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			for i, text := range hostile {
				show(t, text, hostile[(i+1)%len(hostile)])
			}
		})
	})
	t.Run("random", func(t *testing.T) {
		checkInBubbles(t, func(t *testing.T, rt *rapid.T) {
			text := rapid.OneOf(rapid.SampledFrom(hostile), rapid.String())
			show(t, text.Draw(rt, "name"), text.Draw(rt, "reason"))
		})
	})
}

func requireJSON(t *testing.T, text, why string) {
	t.Helper()
	written, err := json.Marshal(text)
	require.NoError(t, err, why)
	var back string
	require.NoError(t, json.Unmarshal(written, &back), why)
	require.Equal(t, text, back, why)
}

// TestK07NoNumberOfHealthIsNaNOrInfinite: nothing divides by nothing.
func TestK07NoNumberOfHealthIsNaNOrInfinite(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RollingCalls: 3, SlowCallDuration: ms})
		for i := range 10 {
			h := c.Stats().Health
			for _, p := range []float64{h.ErrorPercent, h.SlowPercent} {
				require.True(t, p >= 0 && p <= 100, "%v", h)
			}
			_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { pass(time.Duration(i%2) * ms); return 0, errSick })
			c.Reset()
		}
	})
}
