package quill

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A deadline that came first is not undone by a cancel that comes before its caller looks.
func TestCancelAfterTheDeadlineChangesNothing(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, end := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer end()
	for _, c := range []struct {
		caller context.Context //nolint:containedctx // a table
		how    int64
		want   error
	}{
		{canceled, expired, nil},
		{canceled, abandoned, context.Canceled},
		{late, expired, context.DeadlineExceeded},
		{late, abandoned, context.DeadlineExceeded},
		{t.Context(), expired, nil},
	} {
		e := execution{caller: c.caller}
		require.Equal(t, c.want, e.callerErr(c.how))
	}
}
