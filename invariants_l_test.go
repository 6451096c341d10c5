package quill_test

import (
	"context"
	"go/ast"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// Lifecycle: docs/invariants.md, section L. There is no Close: nothing needs it.

// TestL01NoGoroutineOutlivesTheWork: warm workers go away by themselves; the bubble, in
// which there are none, does not end while a goroutine is left.
func TestL01NoGoroutineOutlivesTheWork(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, QueueSize: 5}, d.hooks())
		for range 30 {
			quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(2 * time.Second); return 0, errSick })
		}
		pass(time.Minute)
		synctest.Wait()
		requireNothingHeld(t, c)
	})
}

// TestL02NoGoroutinePerCommand: thousands of circuits, used with and without a pool.
func TestL02NoGoroutinePerCommand(t *testing.T) {
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) {
			before := runtime.NumGoroutine()
			r := quill.NewRegistry()
			for i := range 2000 {
				c, err := r.Circuit("dep "+string(rune('가'+i)), quill.Settings{Isolation: isolation})
				require.NoError(t, err)
				if i%10 == 0 {
					require.NoError(t, call(t, c, nil))
					c.Bulkhead().DismissWorkers()
				}
			}
			require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+10 }, 10*time.Second, 10*ms)
		})
	}
}

// TestL04NoInitAndNoGlobalIsNeeded: the package does nothing when it is loaded, and the
// default registry learns only of circuits that were not put elsewhere.
func TestL04NoInitAndNoGlobalIsNeeded(t *testing.T) {
	for _, path := range rootSources(t) {
		for _, decl := range parseTree(t, path, treeText(t, path)).Decls {
			f, ok := decl.(*ast.FuncDecl)
			require.False(t, ok && f.Recv == nil && f.Name.Name == "init", "%s has an init", path)
		}
	}
	before := quill.DefaultRegistry.Len()
	r := quill.NewRegistry()
	command := quill.New("only here", func(context.Context, int) (int, error) { return 1, nil }, quill.WithRegistry(r),
		quill.Settings{Isolation: quill.Semaphore})
	_, err := command.Do(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, before, quill.DefaultRegistry.Len())
	require.Equal(t, 1, r.Len())
	_, found := quill.DefaultRegistry.Lookup("only here")
	require.False(t, found)
}

// TestL05ADroppedCommandIsCollected: after calls of any kind, without anything being closed,
// although its timeout is an hour and its workers are still warm. Found by this test: the
// timers of finished calls kept the circuit until the timeout.
func TestL05ADroppedCommandIsCollected(t *testing.T) {
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) {
			var circuits []weak.Pointer[quill.Circuit]
			var bulkheads []*quill.Bulkhead
			for range 20 {
				c := used(t, isolation)
				circuits = append(circuits, weak.Make(c))
				bulkheads = append(bulkheads, c.Bulkhead())
			}
			require.Eventually(t, func() bool {
				runtime.GC()
				return left(circuits) == 0
			}, 10*time.Second, 10*ms, "circuits are still held")
			for _, b := range bulkheads {
				b.DismissWorkers()
			}
		})
	}
}

// used is a circuit that has served calls of many kinds.
func used(t *testing.T, isolation quill.Isolation) *quill.Circuit {
	t.Helper()
	var d diary
	command := quill.New("dropped", func(ctx context.Context, req int) (int, error) {
		_ = ctx.Done()
		if req%2 == 0 {
			return 0, errSick
		}
		return req, nil
	}, quill.WithRegistry(quill.NewRegistry()), d.hooks(), quill.Settings{
		Isolation: isolation, Timeout: time.Hour, QueueSize: 2, RequestVolumeThreshold: 5,
	}).OrElse(7)
	for i := range 10 {
		_, _ = command.Do(t.Context(), i)
		_, _ = command.Go(t.Context(), i).Wait(t.Context())
		if k, err := command.Circuit().Begin(t.Context()); err == nil {
			_, _ = k.End(nil)
		}
	}
	require.NoError(t, command.Circuit().Override(quill.ForceOpen, time.Hour, "test"))
	return command.Circuit()
}
