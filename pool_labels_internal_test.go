package quill

import (
	"bytes"
	"context"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

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

// idleLabels are the lines of the profile that has the goroutines of workers.
func idleLabels(t *testing.T) (lines string) {
	t.Helper()
	var profile bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	for goroutine := range bytes.SplitSeq(profile.Bytes(), []byte("\n\n")) {
		if bytes.Contains(goroutine, []byte("(*worker).serve")) {
			lines += string(goroutine)
		}
	}
	return lines
}

// What comes after a timeout is begun by a timer, which has no labels.
func TestAFallbackAfterATimeoutHasTheProfilerLabelsOfItsCaller(t *testing.T) {
	c := warmCircuit(t, Settings{Timeout: time.Millisecond})
	goOn := make(chan struct{})
	defer func() {
		close(goOn)
		for c.bulkhead.Stats().InFlight > 0 {
			runtime.Gosched()
		}
	}()
	command := Bind(c, func(context.Context, int) (string, error) { <-goOn; return "", nil }). // it heeds no context
													Fallback("labels", func(ctx context.Context, _ int, _ error) (string, error) { return labelsHere(ctx) })
	pprof.Do(t.Context(), pprof.Labels("request", "a"), func(ctx context.Context) {
		labels, err := command.Go(ctx, 1).Wait(context.Background())
		require.NoError(t, err)
		require.Equal(t, `# labels: {"request":"a"}`, labels)
	})
}

func TestAWorkerWhoseCallPanickedKeepsNoProfilerLabels(t *testing.T) {
	c := warmCircuit(t, Settings{})
	pprof.Do(t.Context(), pprof.Labels("request", "a"), func(ctx context.Context) {
		for range 3 {
			require.Panics(t, func() { _, _ = Do(ctx, c, func(context.Context) (int, error) { panic("boom") }) })
		}
	})
	for soon := time.Now().Add(keepWarm / 2); strings.Contains(idleLabels(t), "# labels"); { // until the worker waits again
		require.True(t, time.Now().Before(soon), "%s", idleLabels(t))
		runtime.Gosched()
	}
	require.Len(t, c.bulkhead.idleWorkers(), 1)
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
	for strings.Contains(idleLabels(t), "# labels") { // a worker that waits works for nobody, once it has gone to wait
		runtime.Gosched()
	}
	labels, err := Do(t.Context(), c, labelsHere)
	require.NoError(t, err)
	require.Empty(t, labels, "not those of an earlier call")
}

// ownKeys is a context of somebody who thinks that all keys are his.
type ownKeys struct{ context.Context } //nolint:containedctx // it is one

func (ownKeys) Value(key any) any { return key.(string) }

func TestAContextThatKnowsItsOwnKeysAloneHarmsNoCallOfAPool(t *testing.T) {
	c := warmCircuit(t, Settings{})
	for range 3 {
		n, err := Do(ownKeys{t.Context()}, c, func(context.Context) (int, error) { return 7, nil })
		require.NoError(t, err)
		require.Equal(t, 7, n)
	}
	require.Equal(t, Counts{Success: 3}, c.Stats().Total)
	require.Zero(t, c.Stats().Panics)
}
