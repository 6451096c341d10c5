package quill

import (
	"bytes"
	"context"
	"regexp"
	"runtime/pprof"
	"testing"

	"github.com/stretchr/testify/require"
)

// labelsHere are the labels under which a profile would book what this goroutine does.
func labelsHere(context.Context) (string, error) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return "", err
	}
	for goroutine := range bytes.SplitSeq(profile.Bytes(), []byte("\n\n")) {
		if bytes.Contains(goroutine, []byte(".labelsHere+")) {
			return string(regexp.MustCompile(`(?m)^# labels: .*$`).Find(goroutine)), nil
		}
	}
	return "this goroutine is in no profile", nil
}

func TestWorkOfAPoolHasTheProfilerLabelsOfItsCaller(t *testing.T) {
	c := warmCircuit(t, Settings{})
	for _, request := range []string{"a", "b"} {
		pprof.Do(t.Context(), pprof.Labels("request", request), func(ctx context.Context) {
			labels, err := Do(ctx, c, labelsHere)
			require.NoError(t, err)
			require.Equal(t, `# labels: {"request":"`+request+`"}`, labels)

			labels, err = Go(ctx, c, labelsHere).Wait(ctx)
			require.NoError(t, err)
			require.Equal(t, `# labels: {"request":"`+request+`"}`, labels)
		})
	}
	labels, err := Do(t.Context(), c, labelsHere)
	require.NoError(t, err)
	require.Empty(t, labels, "not those of an earlier call")
}
