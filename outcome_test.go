package quill_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestOutcomesHaveNamesThatReadBack(t *testing.T) {
	names := []string{"success", "failure", "timeout", "rejected", "short-circuited", "ignored", "canceled"}
	require.Len(t, quill.Outcomes(), len(names))
	for i, o := range quill.Outcomes() {
		require.Equal(t, names[i], o.String())
		text, err := json.Marshal(o)
		require.NoError(t, err)
		require.Equal(t, `"`+names[i]+`"`, string(text))
		var back quill.Outcome
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, o, back)
	}
	require.Equal(t, "Outcome(7)", quill.Outcome(7).String())
	var o quill.Outcome
	require.ErrorContains(t, o.UnmarshalText([]byte("Success")), `outcome "Success": must be one of ["success"`)
}

func TestStatesHaveNamesThatReadBack(t *testing.T) {
	for s, name := range map[quill.State]string{
		quill.Closed: "closed", quill.Open: "open", quill.HalfOpen: "half-open",
	} {
		require.Equal(t, name, s.String())
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var back quill.State
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, s, back)
	}
	require.Equal(t, "State(3)", quill.State(3).String())
	var s quill.State
	require.ErrorContains(t, s.UnmarshalText([]byte("ajar")), `state "ajar": must be one of ["closed"`)
}
