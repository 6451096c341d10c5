package quill_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/lastgood"
)

// Fallbacks and stores: docs/invariants.md, section F. Keys and bounds are lastgood's own.

// TestF01OnlyPrimarySuccessesAreStored holds a store behind random calls against a model:
// for each request the last value that run itself returned with success and in time. A
// stale answer's age is the time since then.
func TestF01OnlyPrimarySuccessesAreStored(t *testing.T) {
	type kept struct {
		value int
		at    time.Time
	}
	checkBoth(t, func(t *testing.T, rt *rapid.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, Timeout: 100 * ms, RequestVolumeThreshold: 1e6})
		store := lastgood.New[int, int](lastgood.Settings{})
		model := map[int]kept{}
		value := 0
		rt.Repeat(map[string]func(*rapid.T){
			"call": func(rt *rapid.T) {
				value++
				w, req, v := drawWork(rt), rapid.IntRange(1, 3).Draw(rt, "request"), value
				replica := rapid.Bool().Draw(rt, "replica")
				command := quill.Bind(c, func(ctx context.Context, _ int) (int, error) { return v, w.run(ctx) }).
					Fallback("replica", func(context.Context, int, error) (int, error) {
						if replica {
							return -v, nil
						}
						return -v, errSpare
					}).FallbackLast(store)
				var a quill.Answer[int]
				var err error
				_, returned := catch(func() { a, err = command.Answer(t.Context(), req) })
				known, has := model[req]
				switch {
				case !returned:
				case a.Outcome == quill.Success:
					require.Equal(rt, v, a.Value)
					require.False(rt, a.Stale)
					model[req] = kept{v, time.Now()}
				case a.Step == "last":
					require.True(rt, has)
					require.Equal(rt, known.value, a.Value)
					require.True(rt, a.Stale)
					require.Equal(rt, time.Since(known.at), a.Age)
				case err != nil && a.Outcome != quill.Ignored:
					require.False(rt, has || replica, "%+v, %v", a, err)
				}
			},
			"wait": func(*rapid.T) { pass(time.Second) },
			"": func(rt *rapid.T) {
				for req := range 4 {
					got, err := store.Last(t.Context(), req)
					known, has := model[req]
					require.Equal(rt, has, err == nil)
					require.Equal(rt, known.value, got.Value)
				}
			},
		})
	})
}

// TestF04AStaleAnswerTellsItsAge through any number of commands that ask each other.
func TestF04AStaleAnswerTellsItsAge(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, rt *rapid.T) {
		r, store, down := quill.NewRegistry(), lastgood.New[int, int](lastgood.Settings{}), false
		run := func(context.Context, int) (int, error) {
			if down {
				return 0, errSick
			}
			return 42, nil
		}
		command := quill.New("last", run, quill.WithRegistry(r)).FallbackLast(store)
		_, err := command.Do(t.Context(), 1)
		require.NoError(rt, err)
		for i := range rapid.IntRange(0, 3).Draw(rt, "depth") {
			fails := func(context.Context, int) (int, error) { return 0, errSick }
			command = quill.New(string(rune('a'+i)), fails, quill.WithRegistry(r)).FallbackTo(command)
		}
		down = true
		age := time.Duration(rapid.IntRange(0, 4000).Draw(rt, "age")) * time.Second
		pass(age)
		a, err := command.Answer(t.Context(), 1)
		if age >= lastgood.DefaultMaxAge {
			require.ErrorIs(rt, err, quill.ErrNoAnswer)
			return
		}
		require.NoError(rt, err)
		require.Equal(rt, 42, a.Value)
		require.True(rt, a.Stale)
		require.Equal(rt, age, a.Age)
	})
}

// TestF06AFallbackThatHangsIsLimitedAndCounted: no more chains hang than the limit says, all
// others are told at once, and the primary is asked once for each call.
func TestF06AFallbackThatHangsIsLimitedAndCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{
			Isolation: isolation, MaxConcurrent: 100, MaxConcurrentFallbacks: 3, FallbackTimeout: 200 * ms, RequestVolumeThreshold: 1e6,
		})
		var primaries, hanging, most atomic.Int64
		command := unadorned(c, func(context.Context) error { primaries.Add(1); return errSick }).
			Fallback("hangs", func(context.Context, int, error) (int, error) {
				n := hanging.Add(1)
				defer hanging.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				pass(time.Minute) // whatever its context says
				return 0, errSpare
			})
		var refused atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				start := time.Now()
				_, err := command.Do(t.Context(), 1)
				if e := asError(t, err); e.Steps[0].Err == quill.ErrFallbackFull {
					refused.Add(1)
					if time.Since(start) != 0 {
						t.Error("it waited")
					}
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 50, primaries.Load())
		require.EqualValues(t, 47, refused.Load())
		require.EqualValues(t, 3, most.Load())
		require.Equal(t, []quill.StepStats{{Step: "hangs", Failed: 3, Rejected: 47}}, c.Stats().Fallbacks)
		requireNothingHeld(t, c)
	})
}

// TestF06AFallbackThatPanicsIsCountedAndDoesNotRetry: nor does one that ends its goroutine.
func TestF06AFallbackThatPanicsIsCountedAndDoesNotRetry(t *testing.T) {
	for name, harm := range map[string]func(){"panic": func() { panic(errMine) }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrentFallbacks: 1, RequestVolumeThreshold: 1e6})
				primaries, later := 0, 0
				command := unadorned(c, func(context.Context) error { primaries++; return errSick }).
					Fallback("bad", func(context.Context, int, error) (int, error) { harm(); return 0, nil }).
					Fallback("later", func(context.Context, int, error) (int, error) { later++; return 0, nil })
				for range 10 {
					value, returned := catch(func() { _, _ = command.Do(t.Context(), 1) })
					require.False(t, returned)
					if name == "panic" {
						require.Equal(t, errMine, value, "on the caller's own goroutine it flows on untouched")
					}
				}
				synctest.Wait()
				require.Equal(t, 10, primaries)
				require.Zero(t, later)
				s := c.Stats()
				require.Equal(t, quill.Counts{Failure: 10}, s.Total)
				require.EqualValues(t, 10, s.Panics)
				require.EqualValues(t, 10, s.Fallbacks[0].Failed)
				requireNothingHeld(t, c)
			})
		})
	}
}
