package regressions_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/lastgood"
)

// TestB35ForgottenCircuits (real time: garbage is what is looked for)
//
// S: a registry.
// T: 100 times a circuit is made, used, opened and removed.
// C: no goroutine is left, and every circuit is garbage.
//
// Source: hystrix-go#64, #107, #117 (reproduced); Hystrix#388, #1680.
func TestB35ForgottenCircuits(t *testing.T) {
	r := quill.NewRegistry()
	before := runtime.NumGoroutine()
	var told atomic.Int64
	var circuits []weak.Pointer[quill.Circuit]
	for i := range 100 {
		name := fmt.Sprint("dependency ", i%3)
		c, err := r.Circuit(name, quill.Settings{Isolation: quill.Semaphore},
			quill.WithHooks(quill.Hooks{OnTransition: func(quill.Transition) { told.Add(1) }}))
		require.NoError(t, err)
		require.NoError(t, call(c, ok))
		trip(t, c)
		circuits = append(circuits, weak.Make(c))
		require.True(t, r.Remove(name))
		require.False(t, r.Remove(name))
	}
	require.Zero(t, r.Len())
	require.Eventually(t, func() bool {
		runtime.GC()
		for _, w := range circuits {
			if w.Value() != nil {
				return false
			}
		}
		return told.Load() == 100 && runtime.NumGoroutine() <= before+1 // Eventually's own
	}, 10*time.Second, 10*time.Millisecond)
}

// TestB36Panics
//
// S: a command with a classifier, a fallback, and a store of last answers.
// T: (a) run, (b) the fallback, (c) the classifier, (d) the store's key function panics;
// (e) run panics after its caller has left; (f) under Go.
// C: the panic reaches the caller with the value and the stack it had, after the call was
// counted as a failure (in (d): as the success it was) and all places were given back. No
// fallback hides it. Where nobody is sure to get it, as in (e) and (f), OnPanic is told; the
// process lives.
//
// Source: goHystrix#10; dataloader#14, #18; failsafe-go#17; resilience4j#2209; hystrix-go,
// goresilience (reproduced: the process dies).
func TestB36Panics(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		var asked int
		var orphan atomic.Pointer[quill.PanicError]
		c := newCircuit(t, s,
			quill.WithClassifier(func(err error) quill.Verdict {
				if errors.Is(err, errRequest) {
					panic("classifier")
				}
				return quill.CountFailure
			}),
			quill.WithHooks(quill.Hooks{OnPanic: func(p *quill.PanicError) { orphan.Store(p) }}))
		bind := func(run func(context.Context, string) (string, error)) *quill.Command[string, string] {
			return quill.Bind(c, run)
		}
		store := lastgood.NewKeyed[string, string](lastgood.Settings{}, func(context.Context, string) string { panic("key") })
		returns := func(err error) func(context.Context, string) (string, error) {
			return func(context.Context, string) (string, error) { return "", err }
		}
		panics := func(ctx context.Context, _ string) (string, error) { return "", panicking(ctx) }

		for _, x := range []struct {
			name    string
			command *quill.Command[string, string]
			value   any
			outcome quill.Outcome
		}{
			{"a", bind(panics).OrElse("a default"), "out of luck", quill.Failure},
			{"b", bind(returns(errDown)).Fallback("broken", func(context.Context, string, error) (string, error) {
				panic("fallback")
			}).OrElse("a default"), "fallback", quill.Failure},
			{"c", bind(returns(errRequest)).OrElse("a default"), "classifier", quill.Failure},
			{"d", bind(returns(nil)).FallbackLast(store).OrElse("a default"), "key", quill.Success},
			{"d, asked", bind(returns(errDown)).FallbackLast(store).OrElse("a default"), "key", quill.Failure},
		} {
			c.Reset()
			before := c.Stats()
			value, goexit := caught(func() {
				_, _ = x.command.Do(t.Context(), "request")
				asked++
			})
			require.False(t, goexit)
			if p, pooled := value.(*quill.PanicError); pooled {
				require.Contains(t, string(p.Stack), "panicking")
				require.Contains(t, p.Error(), "dependency")
				value = p.Value
			}
			require.Equal(t, x.value, value, x.name)
			after := c.Stats()
			require.Equal(t, before.Total.Of(x.outcome)+1, after.Total.Of(x.outcome), x.name)
			require.Equal(t, before.Total.Total()+1, after.Total.Total(), x.name)
			require.Equal(t, before.Panics+1, after.Panics, x.name)
			require.Zero(t, after.FallbacksInFlight, x.name)
			requireAllSlots(t, c)
		}
		require.Zero(t, asked, "nobody swallowed a panic")
		require.Nil(t, orphan.Load(), "all of them had a caller")

		future := bind(panics).Go(t.Context(), "request") // (f)
		value, _ := caught(func() { _, _ = future.Wait(context.Background()) })
		p, is := value.(*quill.PanicError)
		require.True(t, is)
		require.Equal(t, "out of luck", p.Value)
		require.Contains(t, string(p.Stack), "panicking")
		synctest.Wait()
		require.Same(t, p, orphan.Swap(nil))

		if s.Isolation == quill.Pool { // (e)
			require.ErrorIs(t, call(c, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				return panicking(ctx)
			}), quill.ErrTimeout)
			require.Nil(t, orphan.Load())
			time.Sleep(time.Second)
			synctest.Wait()
			require.NotNil(t, orphan.Load())
			require.Equal(t, "out of luck", orphan.Load().Value)
			requireAllSlots(t, c)
		}
	})
}

// TestB37ResultsGoByValue (for the race detector; virtual time and real)
//
// S: work that writes its result while its caller's deadline passes.
// T: 2,000 calls that end at the very moment of their timeout. In real time workers stay
// warm, and what carried one call carries the next.
// C: no memory is written by one and read by the other: the caller has the whole answer to
// its own request, or none.
//
// Source: heimdall#63, #67, #137; go-retryablehttp#94; oci-go-sdk#603.
func TestB37ResultsGoByValue(t *testing.T) {
	type movie struct{ id, name, description string }
	play := func(t *testing.T, timeout time.Duration, callers, each int) {
		t.Helper()
		c := newCircuit(t, quill.Settings{
			Timeout: timeout, MaxConcurrent: quill.Unlimited, RequestVolumeThreshold: 1_000_000,
		})
		get := quill.Bind(c, func(_ context.Context, id string) (m movie, err error) {
			time.Sleep(timeout) // real time: the very moment of the timeout is what is wanted
			for range 10 {
				m.id, m.name, m.description = id, "name of "+id, "description of "+id
				runtime.Gosched()
			}
			return m, nil
		})
		together(callers, func(i int) {
			for n := range each {
				id := fmt.Sprint(i, " ", n)
				m, err := get.Do(context.Background(), id)
				whole := movie{id, "name of " + id, "description of " + id}
				if err == nil && m != whole || err != nil && m != (movie{}) {
					t.Errorf("half an answer: %+v, %v", m, err)
				}
			}
		})
	}
	t.Run("virtual", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			play(t, 10*time.Millisecond, 2000, 1)
			time.Sleep(time.Second)
		})
	})
	t.Run("real", func(t *testing.T) { play(t, time.Millisecond, 20, 100) })
}

// TestB38GetOrCreate
//
// S: an empty registry.
// T: (a) 100 goroutines use one name for the first time; (b) who walks through the registry
// makes, removes and configures circuits; (c) a circuit is made from bad settings.
// C: (a) one circuit; (b) no deadlock; (c) nothing is left behind, and the name is free.
//
// Source: hystrix-go#26, #35; Hystrix#340, #1271; circuit da534a6.
func TestB38GetOrCreate(t *testing.T) {
	for range 50 { // (a)
		r := quill.NewRegistry()
		var made sync.Map
		together(100, func(int) {
			c, err := r.Circuit("one", quill.Settings{Timeout: time.Second})
			if err != nil {
				t.Error(err)
			}
			made.Store(c, true)
			_ = call(c, ok)
		})
		count := 0
		made.Range(func(c, _ any) bool {
			require.EqualValues(t, 100, c.(*quill.Circuit).Stats().Total.Total())
			count++
			return true
		})
		require.Equal(t, 1, count)
		require.Equal(t, 1, r.Len())
	}

	r := quill.NewRegistry()
	for i := range 10 {
		_, err := r.Circuit(fmt.Sprint(i))
		require.NoError(t, err)
	}
	within(t, func() { // (b)
		for c := range r.All() {
			_, _ = r.Circuit("made by the walk " + c.Name())
			_ = r.Configure(map[string]quill.Settings{c.Name(): {Timeout: time.Minute}})
			r.Remove(c.Name())
		}
	})
	require.Equal(t, 10, r.Len())

	_, err := r.Circuit("bad", quill.Settings{Timeout: -5}) // (c)
	require.Error(t, err)
	_, there := r.Lookup("bad")
	require.False(t, there)
	require.Panics(t, func() {
		quill.NewCircuit("bad", quill.WithRegistry(r), quill.Settings{QueueSize: -1})
	})
	_, err = r.Circuit("bad", quill.Settings{Timeout: time.Second})
	require.NoError(t, err)
}

// TestB39NestedCommands
//
// S: a bulkhead of n slots that two circuits share.
// T: n calls of the one call the other, all at once; without a queue and with one.
// C: no deadlock: the inner calls are rejected at once, or wait no longer than their
// timeout; the error names the circuit that had no slot. (quill does not detect that the
// slots are held by callers of its own.)
//
// Source: Hystrix#352, #1100, #1986.
func TestB39NestedCommands(t *testing.T) {
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		for queue, want := range map[int]error{0: quill.ErrFull, 5: quill.ErrTimeout} {
			t.Run(fmt.Sprint(isolation, ", queue of ", queue), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const slots = 5
					r := quill.NewRegistry()
					shared := quill.WithBulkhead(quill.NewBulkhead("shared",
						quill.BulkheadSettings{Isolation: isolation, MaxConcurrent: slots, QueueSize: queue}))
					outer, err := r.Circuit("outer", shared, quill.Settings{Timeout: 2 * time.Second})
					require.NoError(t, err)
					inner, err := r.Circuit("inner", shared, quill.Settings{Timeout: time.Second})
					require.NoError(t, err)

					var entered, answered sync.WaitGroup
					entered.Add(slots)
					answered.Add(slots)
					began := time.Now()
					together(slots, func(int) {
						err := call(outer, func(ctx context.Context) error {
							entered.Done()
							entered.Wait()
							err := callWith(ctx, inner, ok)
							answered.Done()
							answered.Wait() // no slot is free before all have asked
							return err
						})
						refusal, is := errors.AsType[*quill.Error](err)
						if !is || !errors.Is(err, want) || refusal.Command != "inner" {
							t.Errorf("%v", err)
						}
					})
					require.LessOrEqual(t, time.Since(began), time.Second)
					synctest.Wait()
					requireAllSlots(t, inner)
				})
			})
		}
	}
}
