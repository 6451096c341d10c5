package quill_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestANameIsOneCircuit(t *testing.T) {
	r := quill.NewRegistry()
	c, err := r.Circuit("dep", quill.Settings{Timeout: 2 * time.Second})
	require.NoError(t, err)
	again, err := r.Circuit("dep")
	require.NoError(t, err)
	require.Same(t, c, again, "without settings the circuit is taken as it is")
	again, err = r.Circuit("dep", quill.Settings{Timeout: 2 * time.Second, MaxConcurrent: 10})
	require.NoError(t, err, "a default is a default, spelled out or not")
	require.Same(t, c, again)
	require.Same(t, c, quill.NewCircuit("dep", quill.WithRegistry(r)))
	found, ok := r.Lookup("dep")
	require.True(t, ok)
	require.Same(t, c, found)
	other, err := quill.NewRegistry().Circuit("dep")
	require.NoError(t, err)
	require.NotSame(t, c, other, "another registry, another circuit")
}

func TestTheDefaultRegistryIsTheDefault(t *testing.T) {
	t.Cleanup(func() { quill.DefaultRegistry.Remove("registry-test") })
	c := quill.NewCircuit("registry-test")
	found, ok := quill.DefaultRegistry.Lookup("registry-test")
	require.True(t, ok)
	require.Same(t, c, found)
}

func TestANameCannotBeDeclaredTwoWays(t *testing.T) {
	r := quill.NewRegistry()
	shared, other := quill.NewBulkhead("shared", quill.BulkheadSettings{}), quill.NewBulkhead("other", quill.BulkheadSettings{})
	c, err := r.Circuit("dep", quill.Settings{Timeout: 2 * time.Second}, quill.WithBulkhead(shared))
	require.NoError(t, err)
	for want, opt := range map[string]quill.Option{
		`declared with Timeout 2s, not 3s; QueueSize 0 (the default), not 5`:              quill.Settings{Timeout: 3 * time.Second, QueueSize: 5},
		`exists with bulkhead "shared": it cannot be declared again`:                      quill.WithBulkhead(other),
		`a classifier, hooks, a redaction or a shadow can only be given where it is made`: quill.WithHooks(quill.Hooks{}),
		`circuit "dep" exists: a classifier, hooks`:                                       quill.WithClassifier(func(error) quill.Verdict { return 0 }),
	} {
		_, err := r.Circuit("dep", opt)
		require.ErrorContains(t, err, want)
		value, _ := catch(func() { quill.NewCircuit("dep", opt, quill.WithRegistry(r)) })
		require.Contains(t, value, want)
	}
	require.NoError(t, c.Configure(quill.Settings{Timeout: 4 * time.Second}))
	_, err = r.Circuit("dep", quill.Settings{Timeout: 2 * time.Second})
	require.NoError(t, err, "the declaration is what it was, whatever an operator configured since")
	_, err = r.Circuit("dep", quill.Settings{Timeout: 4 * time.Second})
	require.EqualError(t, err, `quill: circuit "dep" was declared with Timeout 2s, not 4s (give the settings once, or use Configure)`,
		"4s are in force, but were not declared")
}

func TestADeclarationThatDiffersSaysWhatIsADefault(t *testing.T) {
	r := quill.NewRegistry()
	_, err := r.Circuit("dep", quill.Settings{MaxConcurrent: 3, Isolation: quill.Semaphore})
	require.NoError(t, err)
	for want, s := range map[string]quill.Settings{
		"MaxConcurrent 3, not 10 (the default) (":                                                {Isolation: quill.Semaphore},
		"with MaxConcurrent 3, not 4 (":                                                          {Isolation: quill.Semaphore, MaxConcurrent: 4},
		"with Isolation semaphore, not pool (the default); Timeout 1s (the default), not none (": {MaxConcurrent: 3, Timeout: quill.NoTimeout},
		// ProbeLease is 5s, not 30s: it follows from Timeout, and nobody wrote either.
		"with Timeout 1s (the default), not 30s (give": {Isolation: quill.Semaphore, MaxConcurrent: 3, Timeout: 30 * time.Second},
		"ProbeLease 5s (the default), not 6s (give":    {Isolation: quill.Semaphore, MaxConcurrent: 3, ProbeLease: 6 * time.Second},
	} {
		_, err := r.Circuit("dep", s)
		require.ErrorContains(t, err, want)
	}
}

func TestWrongOptionsMakeNothing(t *testing.T) {
	r := quill.NewRegistry()
	for want, opts := range map[string][]quill.Option{
		"an option is nil":                        {nil},
		"Settings are given twice":                {quill.Settings{}, quill.Settings{}},
		"WithRegistry names another registry":     {quill.WithRegistry(quill.NewRegistry())},
		"WithRegistry(nil): needs a registry":     {quill.WithRegistry(nil)},
		"two registries are given":                {quill.WithRegistry(quill.NewRegistry()), quill.WithRegistry(quill.NewRegistry())},
		"WithBulkhead(nil): needs a bulkhead":     {quill.WithBulkhead(nil)},
		"WithClassifier(nil): needs a function":   {quill.WithClassifier(nil)},
		"Timeout is 5ns":                          {quill.Settings{Timeout: 5}},
		"MaxConcurrent is 3: must be left zero":   {quill.Settings{MaxConcurrent: 3}, quill.WithBulkhead(quill.NewBulkhead("b", quill.BulkheadSettings{}))},
		"an option is nil; Settings are given tw": {nil, quill.Settings{}, quill.Settings{}},
	} {
		_, err := r.Circuit("dep", opts...)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `"dep"`)
	}
	_, err := r.Circuit(" dep")
	require.Equal(t, quill.CheckName(" dep"), err)
	require.Zero(t, r.Len())
	value, _ := catch(func() { quill.NewCircuit("dep", quill.WithRegistry(nil)) })
	require.Contains(t, value, "needs a registry")
	_, ok := quill.DefaultRegistry.Lookup("dep")
	require.False(t, ok)
}

func TestFirstUseByManyMakesOneCircuit(t *testing.T) {
	r := quill.NewRegistry()
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[*quill.Circuit]bool{}
	barrier := make(chan struct{})
	for range 100 {
		wg.Go(func() {
			<-barrier
			c, err := r.Circuit("dep", quill.Settings{Timeout: 2 * time.Second})
			require.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			seen[c] = true
		})
	}
	close(barrier)
	wg.Wait()
	require.Len(t, seen, 1)
	require.Equal(t, 1, r.Len())
}

func TestAllIsSortedAndOfOneMoment(t *testing.T) {
	r := quill.NewRegistry()
	for _, name := range []string{"c", "a", "b"} {
		_, err := r.Circuit(name)
		require.NoError(t, err)
	}
	var names []string
	for c := range r.All() {
		names = append(names, c.Name())
		_, err := r.Circuit(c.Name() + "'s child") // a loop may use the registry
		require.NoError(t, err)
	}
	require.Equal(t, []string{"a", "b", "c"}, names)
	for c := range r.All() {
		require.Equal(t, "a", c.Name())
		break
	}
	require.Equal(t, 6, r.Len())
}

func TestRemoveForgetsTheNameAndHarmsNoCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := quill.NewRegistry()
		command := quill.New("dep", func(context.Context, int) (int, error) { pass(time.Millisecond); return 7, nil }, quill.WithRegistry(r))
		f := command.Go(t.Context(), 1)
		require.True(t, r.Remove("dep"))
		require.False(t, r.Remove("dep"))
		_, ok := r.Lookup("dep")
		require.False(t, ok)
		v, err := f.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, 7, v)
		_, err = command.Do(t.Context(), 1)
		require.NoError(t, err, "commands bound to it go on with it")
		again, err := r.Circuit("dep", quill.Settings{Timeout: time.Minute})
		require.NoError(t, err)
		require.NotSame(t, command.Circuit(), again)
	})
}

func TestRegistryConfiguresAllOrNone(t *testing.T) {
	r := quill.NewRegistry()
	for _, name := range []string{"a", "b"} {
		_, err := r.Circuit(name)
		require.NoError(t, err)
	}
	good := quill.Settings{Timeout: 7 * time.Second}
	err := r.Configure(map[string]quill.Settings{"a": good, "b": {Timeout: 1}, "nobody": good})
	require.ErrorContains(t, err, `settings of "b": Timeout is 1ns`)
	require.ErrorContains(t, err, `circuit "nobody" does not exist`)
	a, _ := r.Lookup("a")
	require.Zero(t, a.Settings())
	require.NoError(t, r.Configure(map[string]quill.Settings{"a": good, "b": good}))
	for c := range r.All() {
		require.Equal(t, good, c.Settings())
	}
	require.NoError(t, r.Configure(nil))
}

func TestIdleCircuitsHoldNoGoroutine(t *testing.T) {
	r := quill.NewRegistry()
	before := runtime.NumGoroutine()
	for n := range 1000 {
		c, err := r.Circuit(fmt.Sprintf("dep-%d", n), quill.WithHooks(quill.Hooks{OnTransition: func(quill.Transition) {}}))
		require.NoError(t, err)
		_ = c.Stats()
	}
	require.Less(t, runtime.NumGoroutine(), before+50, "a thousand circuits; a few goroutines may be the runtime's own")
}
