package quill_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// When OnCall is told of a call, the call is counted and has given its slot back, whichever
// way it went.
func TestC10OnCallComesWhenEverythingIsGivenBack(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var circuit *quill.Circuit
		var work context.Context
		told := 0
		circuit = newTestCircuit(t, quill.Settings{Isolation: isolation}, quill.WithHooks(quill.Hooks{
			OnCall: func(context.Context, quill.CallEvent) {
				told++
				s := circuit.Stats()
				require.Zero(t, s.InFlight)
				require.EqualValues(t, told, s.Total.Total())
				if work != nil {
					require.ErrorIs(t, work.Err(), context.Canceled, "End has cancelled it")
				}
			},
		}))
		require.NoError(t, call(t, circuit, nil))
		require.ErrorIs(t, call(t, circuit, errSick), errSick)

		begun, err := circuit.Begin(t.Context())
		require.NoError(t, err)
		work = begun.Context()
		_, err = begun.End(nil)
		require.NoError(t, err)
		require.Equal(t, 3, told)
	})
}
