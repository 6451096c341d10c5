package quill_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/explore"
)

func skipWhereOthersAllocate(t *testing.T) {
	t.Helper()
	if raceDetector || explore.On {
		t.Skip("the race detector and the explorer's points allocate by themselves")
	}
}

// TestAllocationsPerCall holds the paths that every call takes to what they cost today.
func TestAllocationsPerCall(t *testing.T) {
	skipWhereOthersAllocate(t)
	const many = quill.Unlimited
	succeed := func(context.Context, int) (int, error) { return 7, nil }
	fail := func(context.Context, int) (int, error) { return 0, errSick }
	pool := quill.Settings{}
	semaphore := quill.Settings{Isolation: quill.Semaphore}
	untimed := quill.Settings{Isolation: quill.Semaphore, Timeout: quill.NoTimeout}
	open := quill.Settings{Isolation: quill.Semaphore, Override: quill.ForceOpen}
	calm := func(s quill.Settings) quill.Settings {
		s.RequestVolumeThreshold, s.MaxConcurrentFallbacks = 1_000_000_000, many
		return s
	}
	for _, tc := range []struct {
		name    string
		most    float64
		command *quill.Command[int, int]
	}{
		{"semaphore without a timeout", 0, quill.Bind(newTestCircuit(t, untimed), succeed)},
		{"semaphore", 1, quill.Bind(newTestCircuit(t, semaphore), succeed)}, // the context
		{"pool", 1, quill.Bind(newTestCircuit(t, pool), succeed)},           // the context
		{"pool without a timeout", 0, quill.Bind(newTestCircuit(t, quill.Settings{Timeout: quill.NoTimeout}), succeed)},
		{"open, answered by a value", 0, quill.Bind(tripped(t), succeed).OrElse(7)},
		{"forced open, answered by a value", 0, quill.Bind(newTestCircuit(t, open), succeed).OrElse(7)},
		{"open, refused", 1, quill.Bind(tripped(t), succeed)}, // the error
		{"failure, answered by a value", 1, quill.Bind(newTestCircuit(t, calm(semaphore)), fail).OrElse(7)},
		{
			"failure, answered by a step", 3, quill.Bind(newTestCircuit(t, calm(semaphore)), fail).
				Fallback("spare", func(context.Context, int, error) (int, error) { return 7, nil }),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := context.Background() // t.Context is cancelable, most callers' are as well, but not all
			for range 100 {
				_, _ = tc.command.Do(ctx, 1)
			}
			got := testing.AllocsPerRun(2000, func() { _, _ = tc.command.Do(ctx, 1) })
			require.LessOrEqual(t, got, tc.most)
		})
	}
}

func TestAllocationsOfGo(t *testing.T) {
	skipWhereOthersAllocate(t)
	command := quill.Bind(newTestCircuit(t, quill.Settings{}), func(context.Context, int) (int, error) { return 7, nil })
	ctx := context.Background()
	call := func() { _, _ = command.Go(ctx, 1).Wait(ctx) }
	for range 100 {
		call()
	}
	// The future, its channel, the context: the call has no goroutine of its own.
	require.LessOrEqual(t, testing.AllocsPerRun(2000, call), 3.0)
}

// tripped returns a circuit that stays open.
func tripped(t *testing.T) *quill.Circuit {
	c := newTestCircuit(t, quill.Settings{SleepWindow: time.Hour})
	openUp(t, c)
	return c
}

func TestAllocationsOfReading(t *testing.T) {
	skipWhereOthersAllocate(t)
	c := newTestCircuit(t, quill.Settings{})
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = c.State() }))
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = c.Settings() }))
}
