package quill_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// Accounting: docs/invariants.md, section B.

// work is what one call's run does, drawn at random.
type work struct {
	takes time.Duration
	obeys bool // whether it returns when its context ends
	err   error
	value any // what it panics with
	exits bool
}

func drawWork(t *rapid.T) work {
	w := work{
		takes: rapid.SampledFrom([]time.Duration{0, 1, 50 * ms, 100*ms - 1, 100 * ms, 100*ms + 1, 400 * ms}).Draw(t, "takes"),
		obeys: rapid.Bool().Draw(t, "obeys"),
	}
	switch rapid.IntRange(0, 7).Draw(t, "ending") {
	case 0, 1, 2:
	case 3, 4:
		w.err = errSick
	case 5:
		w.err = quill.Ignore(errMine)
	case 6:
		w.value = errMine
	case 7:
		w.exits = true
	}
	return w
}

func (w work) run(ctx context.Context) error {
	if w.obeys {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(w.takes):
		}
	} else {
		pass(w.takes)
	}
	if w.exits {
		runtime.Goexit()
	}
	if w.value != nil {
		panic(w.value)
	}
	return w.err
}

// checkInBubbles is rapid.Check where each case runs in a bubble of its own.
func checkInBubbles(t *testing.T, property func(t *testing.T, rt *rapid.T)) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		var failure any // rapid ends a failed case by a panic, which must not leave the bubble
		synctest.Test(t, func(t *testing.T) {
			defer pass(time.Hour)
			defer func() { failure = recover() }()
			property(t, rt)
		})
		if fmt.Sprintf("%T", failure) == "rapid.invalidData" {
			panic(failure) // on a line of its own: rapid tells failures apart by where they come from
		}
		if failure != nil {
			panic(failure)
		}
	})
}

// checkBoth is checkInBubbles for each isolation.
func checkBoth(t *testing.T, property func(t *testing.T, rt *rapid.T, isolation quill.Isolation)) {
	t.Helper()
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) {
			checkInBubbles(t, func(t *testing.T, rt *rapid.T) { property(t, rt, isolation) })
		})
	}
}

type callKey struct{}

// books are what a test notes of the calls that it makes.
type books struct {
	mu       sync.Mutex
	entered  int
	returned int
	events   map[int]int // how often OnCall told of each call
}

func (b *books) hooks() quill.Option {
	return quill.WithHooks(quill.Hooks{OnCall: func(ctx context.Context, _ quill.CallEvent) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events[ctx.Value(callKey{}).(int)]++
	}})
}

// start makes a call on a goroutine of its own, which a panic or Goexit may end.
func (b *books) start(parent context.Context, f func(ctx context.Context)) {
	ctx := context.WithValue(parent, callKey{}, b.entered)
	b.entered++
	go func() {
		_, _ = catch(func() { f(ctx) })
		b.mu.Lock()
		defer b.mu.Unlock()
		b.returned++
	}()
}

// balance holds the books against what the circuit says, when everything waits.
func (b *books) balance(t require.TestingT, c *quill.Circuit) {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := c.Stats()
	underWay := s.InFlight - s.Abandoned + s.Queued
	require.Equal(t, b.entered, int(s.Total.Total())+underWay, "calls = outcomes + under way: %+v", s.Total)
	require.Len(t, b.events, b.returned, "who has returned was told")
	for n, times := range b.events {
		require.Equal(t, 1, times, "call %d was told %d times", n, times)
	}
}

// TestB01EveryCallEndsOnce lets any calls end in any way at any time, through Do, Go and
// Begin, while operators turn what can be turned. After each step the calls made are those
// that have an outcome and those under way.
func TestB01EveryCallEndsOnce(t *testing.T) {
	checkBoth(t, func(t *testing.T, rt *rapid.T, isolation quill.Isolation) {
		b := &books{events: map[int]int{}}
		c := newTestCircuit(t, quill.Settings{
			Isolation: isolation, MaxConcurrent: 2, QueueSize: 2, Timeout: 100 * ms, SleepWindow: 100 * ms,
			RequestVolumeThreshold: 4, RollingWindow: time.Second,
		}, b.hooks())
		var cancels []context.CancelFunc
		call := func(rt *rapid.T) {
			w := drawWork(rt)
			ctx, cancel := context.WithCancel(t.Context())
			cancels = append(cancels, cancel)
			way := rapid.IntRange(0, 3).Draw(rt, "way")
			b.start(ctx, func(ctx context.Context) { throughOneWay(ctx, c, way, w) })
		}
		rt.Repeat(map[string]func(*rapid.T){
			"call":       call,
			"call again": call,
			"some time passes": func(rt *rapid.T) {
				pass(rapid.SampledFrom([]time.Duration{1, 50 * ms, 100 * ms, 300 * ms}).Draw(rt, "time"))
			},
			"a caller leaves": func(rt *rapid.T) {
				if len(cancels) > 0 {
					cancels[rapid.IntRange(0, len(cancels)-1).Draw(rt, "who")]()
				}
			},
			"limits change": func(rt *rapid.T) {
				require.NoError(rt, c.Bulkhead().Resize(
					rapid.IntRange(1, 4).Draw(rt, "slots"), rapid.IntRange(0, 3).Draw(rt, "places")))
			},
			"an operator overrides": func(rt *rapid.T) {
				require.NoError(rt, c.Override(quill.Override(rapid.IntRange(0, 3).Draw(rt, "override")), 50*ms, ""))
			},
			"an operator resets": func(*rapid.T) { c.Reset() },
			"":                   func(rt *rapid.T) { b.balance(rt, c) },
		})
		for _, cancel := range cancels {
			cancel()
		}
		pass(time.Minute)
		b.balance(rt, c)
		require.Equal(rt, b.entered, b.returned)
		requireNothingHeldOf(rt, c)
	})
}

func throughOneWay(ctx context.Context, c *quill.Circuit, way int, w work) {
	run := func(ctx context.Context) (int, error) { return 1, w.run(ctx) }
	switch way {
	case 0:
		_, _ = quill.Do(ctx, c, run)
	case 1:
		_, _ = quill.Go(ctx, c, run).Wait(context.WithoutCancel(ctx))
	case 2:
		k, err := c.Begin(ctx)
		if err != nil {
			return
		}
		defer func() { _, _ = k.End(errSick) }() // also if the work ends this goroutine; else a second End
		_, _ = k.End(w.run(k.Context()))
	case 3:
		_, _ = unadorned(c, w.run).
			Fallback("spare", func(context.Context, int, error) (int, error) { pass(10 * ms); return 0, errSpare }).
			OrElse(3).Do(ctx, 1)
	}
}

// requireNothingHeldOf is requireNothingHeld inside a property.
func requireNothingHeldOf(t require.TestingT, c *quill.Circuit) {
	s, b := c.Stats(), c.Bulkhead().Stats()
	require.Zero(t, s.InFlight+s.Queued+s.Abandoned+s.Probes+s.FallbacksInFlight)
	require.Zero(t, b.InFlight+b.Queued+b.Abandoned)
}

// TestB02TheEventAgreesWithWhatTheCallerGot lets work end around its deadline, to the
// nanosecond.
func TestB02TheEventAgreesWithWhatTheCallerGot(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1e6, MaxConcurrent: 100}, d.hooks())
		for _, err := range []error{nil, errSick, quill.Ignore(errMine)} {
			for off := time.Duration(-2); off <= 2; off++ {
				before := c.Stats().Total
				asked := 0
				a, got := unadorned(c, sleeper(time.Second+off, err)).
					Fallback("spare", func(context.Context, int, error) (int, error) { asked++; return 7, nil }).
					Answer(t.Context(), 1)
				e := d.last(t)
				require.Equal(t, a.Outcome, e.Outcome, "%v at %d", err, off)
				require.Equal(t, before.Of(a.Outcome)+1, c.Stats().Total.Of(a.Outcome), "%v at %d", err, off)
				require.Equal(t, off >= 0, a.Outcome == quill.Timeout, "%v at %d: %s", err, off, a.Outcome)
				require.Equal(t, a.Step != "", asked == 1, "the fallback ran: %v at %d", err, off)
				require.Equal(t, a.Outcome == quill.Ignored, got != nil, "%v at %d", err, off)
			}
		}
	})
}

// TestB02InARaceToo is the same in real time, where nobody knows who will be first.
func TestB02InARaceToo(t *testing.T) {
	var mu sync.Mutex
	told := map[int]quill.Outcome{}
	c := newTestCircuit(t, quill.Settings{Timeout: ms, MaxConcurrent: 16, RequestVolumeThreshold: 1e6},
		quill.WithHooks(quill.Hooks{OnCall: func(ctx context.Context, e quill.CallEvent) {
			mu.Lock()
			defer mu.Unlock()
			told[ctx.Value(callKey{}).(int)] = e.Outcome
		}}))
	var wg sync.WaitGroup
	var both [2]atomic.Int64
	seed := quill.DrawSeed(t)
	for i := range 2 {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			for j := range 100 {
				n := i*100 + j
				late := time.Duration(random.IntN(300)-150) * time.Microsecond
				a, err := quill.Bind(c, func(ctx context.Context, _ int) (int, error) {
					for start := time.Now(); time.Since(start) < ms+late; { // a sleep is not as exact
						runtime.Gosched()
					}
					return n, nil
				}).Fallback("spare", func(context.Context, int, error) (int, error) { return -1, nil }).
					Answer(context.WithValue(t.Context(), callKey{}, n), n)
				mu.Lock()
				if e := told[n]; err != nil || e != a.Outcome || (a.Value == n) != (e == quill.Success) {
					t.Errorf("the caller got %+v, %v; the event says %s", a, err, e)
				}
				mu.Unlock()
				both[min(a.Outcome, 1)].Add(1)
			}
		})
	}
	wg.Wait()
	allWorkEnds(t, c)
	t.Logf("%d in time, %d not", both[0].Load(), both[1].Load())
	require.EqualValues(t, both[0].Load(), c.Stats().Total.Success)
}

// allWorkEnds waits, in real time, for work whose caller has left, and for timers that are
// about to see that they came too late to leave any behind.
func allWorkEnds(t *testing.T, c *quill.Circuit) {
	t.Helper()
	require.Eventually(t, func() bool {
		s := c.Bulkhead().Stats()
		return s.InFlight == 0 && s.Abandoned == 0
	}, 10*time.Second, ms)
}

// TestB03TheChainStopsAtTheFirstAnswer counts how often each step is asked.
func TestB03TheChainStopsAtTheFirstAnswer(t *testing.T) {
	checkBoth(t, func(t *testing.T, rt *rapid.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1e6})
		w := drawWork(rt)
		answers := rapid.SliceOfN(rapid.Bool(), 3, 3).Draw(rt, "answers")
		asked := make([]int, len(answers))
		command := unadorned(c, w.run)
		for i, name := range []string{"one", "two", "three"} {
			command = command.Fallback(name, func(context.Context, int, error) (int, error) {
				asked[i]++
				if answers[i] {
					return i + 1, nil
				}
				return 0, errSpare
			})
		}
		a, err := quill.Answer[int]{}, error(nil)
		_, returned := catch(func() { a, err = command.Answer(t.Context(), 1) })
		var want []int
		due := returned && (a.Outcome == quill.Failure || a.Outcome == quill.Timeout)
		for _, yes := range answers {
			want = append(want, oneOrNone(due))
			due = due && !yes
		}
		require.Equal(rt, want, asked, "%+v: %+v, %v", w, a, err)
		if returned && a.Outcome == quill.Success {
			require.Empty(rt, a.Step)
		}
	})
}

func oneOrNone(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// TestB04WhatAlwaysPanicsOpensTheCircuit: nothing but panics, on any path.
func TestB04WhatAlwaysPanicsOpensTheCircuit(t *testing.T) {
	for name, run := range map[string]func(context.Context) (int, error){
		"panic":     func(context.Context) (int, error) { panic(errMine) },
		"nil error": func(context.Context) (int, error) { panic(error(nil)) },
		"Goexit":    func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation})
				executed := 0
				for range 100 {
					_, _ = catch(func() {
						_, _ = quill.Do(t.Context(), c, func(ctx context.Context) (int, error) { executed++; return run(ctx) })
					})
				}
				require.Equal(t, 20, executed, "and not one more")
				require.Equal(t, quill.Open, c.State())
				require.Equal(t, quill.Counts{Failure: 20, ShortCircuited: 80}, c.Stats().Total)
				require.EqualValues(t, 20, c.Stats().Panics)
				requireNothingHeld(t, c)
			})
		})
	}
}

// TestB05NobodyWaitsForWorkThatExited: neither its caller, nor who waits for its slot, nor
// who waits for its future.
func TestB05NobodyWaitsForWorkThatExited(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1, QueueSize: 10, RequestVolumeThreshold: 1000})
		start := time.Now()
		exit := func(context.Context) (int, error) { pass(10 * ms); runtime.Goexit(); return 0, nil }
		var futures []*quill.Future[int]
		for range 5 {
			futures = append(futures, quill.Go(t.Context(), c, exit))
		}
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() { _, _ = quill.Do(t.Context(), c, exit) })
		}
		for _, f := range futures {
			_, err := f.Wait(t.Context())
			require.ErrorIs(t, err, quill.ErrGoexit)
		}
		callers.Wait()
		require.Equal(t, 100*ms, time.Since(start), "each had its turn")
		require.Equal(t, quill.Counts{Failure: 10}, c.Stats().Total)
		requireNothingHeld(t, c)
	})
}

// TestB06OnlyWhatWasTriedIsEvidence holds what the breaker judges against a model of it.
func TestB06OnlyWhatWasTriedIsEvidence(t *testing.T) {
	for name, ignoreRejected := range map[string]bool{"rejections count, as in Hystrix": false, "rejections set off": true} {
		t.Run(name, func(t *testing.T) {
			checkInBubbles(t, func(t *testing.T, rt *rapid.T) {
				c := newTestCircuit(t, quill.Settings{
					IgnoreRejected: ignoreRejected, MaxConcurrent: 1, Timeout: 10 * ms, RequestVolumeThreshold: 1e6,
				})
				var requests, errs uint64
				attempt := func(ctx context.Context, f func(context.Context) error) error {
					_, err := quill.Do(ctx, c, func(ctx context.Context) (int, error) { return 0, f(ctx) })
					return err
				}
				canceled, cancel := context.WithCancel(t.Context())
				cancel()
				rt.Repeat(map[string]func(*rapid.T){
					"success": func(rt *rapid.T) { require.NoError(rt, attempt(t.Context(), ends(nil))); requests++ },
					"failure": func(rt *rapid.T) {
						require.ErrorIs(rt, attempt(t.Context(), ends(errSick)), errSick)
						requests, errs = requests+1, errs+1
					},
					"timeout": func(rt *rapid.T) {
						require.ErrorIs(rt, attempt(t.Context(), obedient), quill.ErrTimeout)
						synctest.Wait() // until the work has given its slot back, too
						requests, errs = requests+1, errs+1
					},
					"ignored":  func(rt *rapid.T) { require.ErrorIs(rt, attempt(t.Context(), ends(quill.Ignore(errMine))), errMine) },
					"canceled": func(rt *rapid.T) { require.ErrorIs(rt, attempt(canceled, ends(nil)), context.Canceled) },
					"short-circuited": func(rt *rapid.T) {
						require.NoError(rt, c.Override(quill.ForceOpen, 0, ""))
						require.ErrorIs(rt, attempt(t.Context(), ends(nil)), quill.ErrOpen)
						require.NoError(rt, c.Override(quill.NoOverride, 0, ""))
					},
					"rejected": func(rt *rapid.T) {
						free := c.Bulkhead().TakeSlot()
						require.ErrorIs(rt, attempt(t.Context(), ends(nil)), quill.ErrFull)
						free()
						if !ignoreRejected {
							requests, errs = requests+1, errs+1
						}
					},
					"": func(rt *rapid.T) {
						h := c.Stats().Health
						require.Equal(rt, requests, h.Requests)
						require.Equal(rt, errs, h.Errors)
						require.Equal(rt, quill.Closed, c.State())
					},
				})
			})
		})
	}
}

// TestB07APartIsNeverLargerThanTheWhole reads statistics as fast as it can while calls end.
// Found by the soak: durations were read after the calls were.
func TestB07APartIsNeverLargerThanTheWhole(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{
		Isolation: quill.Semaphore, RollingWindow: 100 * ms, RequestVolumeThreshold: 1e6, MaxConcurrent: quill.Unlimited,
	})
	var last quill.Stats
	readWhileCalling(t, c, 300*ms, func(now quill.Stats) {
		for _, o := range quill.Outcomes() {
			if now.Total.Of(o) < last.Total.Of(o) || now.Window.Of(o) > now.Total.Of(o) {
				t.Errorf("%s: %d before, %d now, %d in the window", o, last.Total.Of(o), now.Total.Of(o), now.Window.Of(o))
			}
		}
		told, ran, all := now.TotalWhole.Count(), now.TotalExecution.Count(), now.Total.Total()
		if told > ran || ran > all || ran < last.TotalExecution.Count() || now.TotalExecution.Sum() < last.TotalExecution.Sum() {
			t.Errorf("%d calls told of %d that ran of %d; %d ran before", told, ran, all, last.TotalExecution.Count())
		}
		for _, step := range now.Fallbacks {
			if step.Answered > now.Total.Failure {
				t.Errorf("%d answers of step %q to %d failures", step.Answered, step.Step, now.Total.Failure)
			}
		}
		last = now
	})
	s := c.Stats()
	require.Equal(t, s.Total.Total(), s.TotalExecution.Count())
	require.Equal(t, s.Total.Total(), s.TotalWhole.Count())
}

// readWhileCalling gives read the statistics over and over while four callers make calls of
// every outcome that costs no time.
func readWhileCalling(t *testing.T, c *quill.Circuit, d time.Duration, read func(quill.Stats)) {
	t.Helper()
	end := make(chan struct{})
	var callers sync.WaitGroup
	errs := []error{nil, nil, errSick, quill.Ignore(errMine), nil, errors.Join(errSick, errMine)}
	command := quill.Bind(c, func(_ context.Context, n int) (int, error) { return n, errs[n%len(errs)] }).OrElse(0)
	for i := range 4 {
		callers.Go(func() {
			for n := i; ; n++ {
				select {
				case <-end:
					return
				default:
					_, _ = command.Do(context.Background(), n)
				}
			}
		})
	}
	for start := time.Now(); time.Since(start) < d; {
		read(c.Stats())
	}
	close(end)
	callers.Wait()
}
