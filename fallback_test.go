package quill_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// shelf is a Store that tells what it was asked.
type shelf struct {
	mu    sync.Mutex
	kept  map[string]string
	age   time.Duration
	saves int
	err   error  // of Save
	act   func() // during Save
}

func (s *shelf) Save(_ context.Context, req, resp string) error {
	if s.act != nil {
		s.act()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves++
	if s.err != nil {
		return s.err
	}
	if s.kept == nil {
		s.kept = map[string]string{}
	}
	s.kept[req] = resp
	return nil
}

func (s *shelf) Last(_ context.Context, req string) (quill.Stored[string], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.kept[req]
	if !ok {
		return quill.Stored[string]{}, quill.ErrNoAnswer
	}
	return quill.Stored[string]{Value: v, Age: s.age}, nil
}

// sick is a command that fails while its request is "down".
func sick(c *quill.Circuit) *quill.Command[string, string] {
	return quill.Bind(c, func(_ context.Context, req string) (string, error) {
		if req == "down" {
			return "half an answer", errSick
		}
		return "fresh " + req, nil
	})
}

func answers(with string) func(context.Context, string, error) (string, error) {
	return func(context.Context, string, error) (string, error) { return with, nil }
}

func failsWith(err error) func(context.Context, string, error) (string, error) {
	return func(context.Context, string, error) (string, error) { return "half an answer", err }
}

func TestStepsAreAskedInOrderUntilOneAnswers(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
		first := errors.New("the first failed")
		command := sick(c).
			Fallback("first", failsWith(first)).
			Fallback("second", func(_ context.Context, req string, cause error) (string, error) {
				require.Equal(t, "down", req)
				require.Equal(t, errSick, cause, "the cause is why run failed, not the step before")
				return "second", nil
			}).
			Fallback("third", func(context.Context, string, error) (string, error) {
				t.Error("asked after another one answered")
				return "", nil
			}).
			OrElse("default")
		a, err := command.Answer(t.Context(), "down")
		require.NoError(t, err)
		require.Equal(t, quill.Answer[string]{Value: "second", Outcome: quill.Failure, Step: "second", Cause: errSick}, a)
		e := d.last(t)
		require.Equal(t, "second", e.Step)
		require.Equal(t, []quill.StepError{{Step: "first", Err: first}}, e.Steps)
		require.Equal(t, []quill.StepStats{
			{Step: "first", Failed: 1}, {Step: "second", Answered: 1}, {Step: "third"}, {Step: "default"},
		}, c.Stats().Fallbacks)
		requireNothingHeld(t, c)

		v, err := command.Do(t.Context(), "550")
		require.NoError(t, err)
		require.Equal(t, "fresh 550", v)
		require.Empty(t, d.last(t).Step)
	})
}

func TestWhenEveryStepFailsTheErrorHoldsAllOfThem(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		other := errors.New("and the other one")
		command := sick(c).Fallback("spare", failsWith(errSpare)).Fallback("other", failsWith(quill.Ignore(other)))
		a, err := command.Answer(t.Context(), "down")
		for _, target := range []error{errSick, errSpare, other} {
			require.ErrorIs(t, err, target)
		}
		e := asError(t, err)
		require.Equal(t, errSick, e.Cause)
		require.Equal(t, []quill.StepError{{Step: "spare", Err: errSpare}, {Step: "other", Err: quill.Ignore(other)}}, e.Steps)
		require.Equal(t, quill.Failure, e.Outcome)
		require.Equal(t, "quill: dep: the dependency is sick; fallback spare: the spare failed too; "+
			"fallback other: and the other one", err.Error())
		require.Equal(t, quill.Answer[string]{Outcome: quill.Failure, Cause: errSick}, a)
		require.Equal(t, e.Steps, d.last(t).Steps)
		require.Empty(t, d.last(t).Step)
	})
}

func TestRefusalsKeepTheirSentinelThroughFailedSteps(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		openUp(t, c)
		_, err := sick(c).Fallback("spare", failsWith(errSpare)).Do(t.Context(), "550")
		require.ErrorIs(t, err, quill.ErrOpen)
		require.ErrorIs(t, err, errSpare)
		require.Equal(t, 5*time.Second, asError(t, err).RetryAfter)
	})
}

func TestCommandsAreImmutable(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		bare := sick(c)
		base := bare.Fallback("first", failsWith(errSpare))
		one, two := base.OrElse("one"), base.OrElse("two")
		_, err := bare.Do(t.Context(), "down")
		require.Equal(t, errSick, err)
		_, err = base.Do(t.Context(), "down")
		require.ErrorIs(t, err, errSpare)
		v, _ := one.Do(t.Context(), "down")
		w, _ := two.Do(t.Context(), "down")
		require.Equal(t, []string{"one", "two"}, []string{v, w}, "the steps of one are not those of the other")
		require.Equal(t, uint64(2), c.Stats().Fallbacks[1].Answered, "steps of one name are counted together")

		for _, name := range []string{"b", "c", "d", "e", "f"} { // whatever room a slice has left
			base = base.Fallback(name, failsWith(errSpare))
			one, two := base.OrElse("one"), base.OrElse("two")
			v, _ := one.Do(t.Context(), "down")
			w, _ := two.Do(t.Context(), "down")
			require.Equal(t, []string{"one", "two"}, []string{v, w})
		}
	})
}

func TestFallbackToAsksACommandWithACircuitOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		r := quill.NewRegistry()
		replica := quill.New("replica", func(_ context.Context, req string) (string, error) {
			return "replica's " + req, nil
		}, quill.WithRegistry(r))
		a, err := sick(c).FallbackTo(replica).Answer(t.Context(), "down")
		require.NoError(t, err)
		require.Equal(t, quill.Answer[string]{
			Value: "replica's down", Outcome: quill.Failure, Step: "replica", Cause: errSick,
		}, a)
		require.Equal(t, uint64(1), replica.Circuit().Stats().Total.Success)
	})
}

func TestStalenessComesThroughFallbackTo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		r := quill.NewRegistry()
		down := func(context.Context, string) (string, error) { return "", errSpare }
		last := &shelf{kept: map[string]string{"down": "as of yesterday"}, age: 24 * time.Hour}
		third := quill.New("third", down, quill.WithRegistry(r)).FallbackLast(last)
		second := quill.New("second", down, quill.WithRegistry(r)).FallbackTo(third)
		a, err := sick(c).FallbackTo(second).Answer(t.Context(), "down")
		require.NoError(t, err)
		require.Equal(t, quill.Answer[string]{
			Value: "as of yesterday", Outcome: quill.Failure, Step: "second", Cause: errSick, Stale: true, Age: 24 * time.Hour,
		}, a)
		require.Equal(t, 24*time.Hour, d.last(t).Age)
	})
}

func TestOnlyPrimarySuccessesAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{}, quill.WithClassifier(func(err error) quill.Verdict {
			if errors.Is(err, errMine) {
				return quill.CountSuccess
			}
			return quill.CountFailure
		}))
		last := &shelf{}
		failure := errSick
		command := quill.Bind(c, func(context.Context, string) (string, error) { return "not good", failure }).
			FallbackLast(last).Fallback("spare", answers("spare"))
		for _, failure = range []error{errSick, errMine, quill.Ignore(errMine)} {
			_, _ = command.Do(t.Context(), "550")
		}
		_, err := quill.Bind(c, func(ctx context.Context, _ string) (string, error) { return "late", obedient(ctx) }).
			FallbackLast(last).Do(t.Context(), "550")
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.ErrorIs(t, err, quill.ErrNoAnswer)
		require.Zero(t, last.saves)

		failure = nil
		_, err = command.Do(t.Context(), "550")
		require.NoError(t, err)
		require.Equal(t, map[string]string{"550": "not good"}, last.kept)
		last.age = time.Minute
		failure = errSick
		a, err := command.Answer(t.Context(), "550")
		require.NoError(t, err)
		require.Equal(t, quill.Answer[string]{
			Value: "not good", Outcome: quill.Failure, Step: "last", Cause: errSick, Stale: true, Age: time.Minute,
		}, a)
		a, err = command.Answer(t.Context(), "551")
		require.NoError(t, err)
		require.Equal(t, "spare", a.Step, "another request, no last answer")
		require.False(t, a.Stale)
		require.Equal(t, 1, last.saves)
	})
}

func TestStoreThatCannotKeepHarmsNoCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		v, err := sick(c).FallbackLast(&shelf{err: errSpare}).Do(t.Context(), "550")
		require.NoError(t, err)
		require.Equal(t, "fresh 550", v)
		require.Equal(t, uint64(1), c.Stats().StoreErrors)
		require.Equal(t, quill.Counts{Success: 1}, c.Stats().Total)
	})
}

func TestStoreThatPanicsIsCounted(t *testing.T) {
	for name, act := range map[string]func(){"panic": bang, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				var d diary
				c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
				value, returned := catch(func() { _, _ = sick(c).FallbackLast(&shelf{act: act}).Do(t.Context(), "550") })
				require.False(t, returned)
				if name == "panic" {
					require.Equal(t, errMine, value)
				}
				require.Equal(t, quill.Counts{Success: 1}, c.Stats().Total)
				require.Equal(t, uint64(1), c.Stats().Panics)
				require.Equal(t, 1, d.len())
				requireNothingHeld(t, c)
			})
		})
	}
}

func TestAgeIsNeverNegative(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		last := &shelf{kept: map[string]string{"down": "x"}, age: -time.Hour}
		a, err := sick(newTestCircuit(t, quill.Settings{})).FallbackLast(last).Answer(t.Context(), "down")
		require.NoError(t, err)
		require.True(t, a.Stale)
		require.Zero(t, a.Age)
	})
}

func TestFallbacksHaveALimitOfTheirOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{MaxConcurrentFallbacks: 2, FallbackTimeout: quill.NoTimeout}, d.hooks())
		slow := sick(c).Fallback("slow", func(context.Context, string, error) (string, error) {
			pass(time.Minute)
			return "slow", nil
		})
		var futures []*quill.Future[string]
		for range 2 {
			futures = append(futures, slow.Go(t.Context(), "down"))
		}
		synctest.Wait()
		require.Equal(t, 2, c.Stats().FallbacksInFlight)
		require.Zero(t, c.Stats().InFlight, "a fallback needs no slot of the bulkhead")

		_, err := slow.Do(t.Context(), "down")
		require.ErrorIs(t, err, quill.ErrFallbackFull)
		require.ErrorIs(t, err, errSick, "the cause is not hidden")
		require.Equal(t, []quill.StepError{{Step: "slow", Err: quill.ErrFallbackFull}}, d.last(t).Steps)
		a, err := slow.OrElse("default").Answer(t.Context(), "down")
		require.NoError(t, err)
		require.Equal(t, "default", a.Step, "a value is exempt")
		require.Equal(t, uint64(2), c.Stats().Fallbacks[0].Rejected)
		require.Zero(t, c.Stats().Fallbacks[0].Failed, "counted once, as what it is")

		for _, f := range futures {
			_, err := f.Wait(t.Context())
			require.NoError(t, err)
		}
		require.Zero(t, c.Stats().FallbacksInFlight)
		require.NoError(t, c.Configure(quill.Settings{MaxConcurrentFallbacks: quill.Unlimited}))
		futures = nil
		for range 100 {
			futures = append(futures, slow.Go(t.Context(), "down"))
		}
		for _, f := range futures {
			_, err := f.Wait(t.Context())
			require.NoError(t, err)
		}
	})
}

func TestOneChainTakesOnePlace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrentFallbacks: 1})
		v, err := sick(c).Fallback("first", failsWith(errSpare)).Fallback("second", answers("second")).Do(t.Context(), "down")
		require.NoError(t, err)
		require.Equal(t, "second", v)
		require.Zero(t, c.Stats().FallbacksInFlight)
	})
}

func TestFallbackTimeoutBoundsEachStepByItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{FallbackTimeout: 300 * time.Millisecond})
		var cause error
		start := time.Now()
		wait := func(ctx context.Context, _ string, _ error) (string, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return "", ctx.Err()
		}
		_, err := sick(c).Fallback("first", wait).Fallback("second", wait).Do(t.Context(), "down")
		require.Equal(t, 600*time.Millisecond, time.Since(start))
		require.Equal(t, quill.ErrTimeout, cause)
		require.ErrorIs(t, err, errSick)
		require.Len(t, asError(t, err).Steps, 2)
		require.Equal(t, context.DeadlineExceeded, asError(t, err).Steps[0].Err)
	})
}

func TestFallbackGetsTheCallersContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		type key struct{}
		c := newTestCircuit(t, quill.Settings{FallbackTimeout: quill.NoTimeout})
		ctx := context.WithValue(t.Context(), key{}, "of the caller")
		v, err := sick(c).Fallback("spare", func(ctx context.Context, _ string, _ error) (string, error) {
			_, bounded := ctx.Deadline()
			require.False(t, bounded, "run's deadline is over, the fallback has none")
			return ctx.Value(key{}).(string), nil
		}).Do(ctx, "down")
		require.NoError(t, err)
		require.Equal(t, "of the caller", v)
	})
}

func TestFallbackOfATimeoutHasTimeOfItsOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		a, err := quill.Bind(c, func(ctx context.Context, _ string) (string, error) { return "", obedient(ctx) }).
			Fallback("spare", func(ctx context.Context, _ string, cause error) (string, error) {
				require.ErrorIs(t, cause, quill.ErrTimeout)
				pass(900 * time.Millisecond)
				return "spare", ctx.Err()
			}).Answer(t.Context(), "550")
		require.NoError(t, err)
		require.Equal(t, quill.Timeout, a.Outcome)
		require.Equal(t, 1900*time.Millisecond, c.Stats().Whole.Sum(), "the whole call, fallback included")
		require.Equal(t, time.Second, c.Stats().Execution.Sum())
	})
}

func TestCallerThatLeavesInAFallbackSkipsTheStepsButGetsTheDefault(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		chain := sick(c).
			Fallback("first", func(context.Context, string, error) (string, error) { cancel(errMine); return "", errSpare }).
			Fallback("second", func(context.Context, string, error) (string, error) {
				t.Error("asked for a caller who has left")
				return "", nil
			}).
			Fallback("third", answers("third"))
		_, err := chain.Do(ctx, "down")
		require.ErrorIs(t, err, errMine)
		require.ErrorIs(t, err, errSick)
		require.ErrorIs(t, err, errSpare)

		ctx, cancel = context.WithCancelCause(t.Context())
		defer cancel(nil)
		v, err := chain.OrElse("default").Do(ctx, "down")
		require.NoError(t, err, "OrElse never fails")
		require.Equal(t, "default", v)
		require.Equal(t, "default", d.last(t).Step)
	})
}

func TestCallerThatHasLeftBeforeTheFallbackGetsNone(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, quill.WithClassifier(func(error) quill.Verdict {
			cancel() // after the work failed, before anybody is asked instead
			return quill.CountFailure
		}))
		_, err := sick(c).Fallback("spare", func(context.Context, string, error) (string, error) {
			t.Error("asked for a caller who has left")
			return "", nil
		}).Do(ctx, "down")
		require.Equal(t, errSick, err)
	})
}

func TestChainsThatCannotBeMeantPanic(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{})
	command := sick(c)
	other := quill.New("other", func(context.Context, string) (string, error) { return "", nil }, quill.WithRegistry(quill.NewRegistry()))
	for want, build := range map[string]func(){
		`fallback "spare" of command "dep" is nil`:                       func() { command.Fallback("spare", nil) },
		`FallbackTo of command "dep": the other command is nil`:          func() { command.FallbackTo(nil) },
		`FallbackTo of command "dep": the other command has the same`:    func() { command.FallbackTo(sick(c)) },
		`FallbackLast of command "dep": the store is nil`:                func() { command.FallbackLast(nil) },
		`command "dep" has two fallbacks named "other"`:                  func() { command.FallbackTo(other).Fallback("other", answers("")) },
		`fallback "late" of command "dep" comes after OrElse`:            func() { command.OrElse("").Fallback("late", answers("")) },
		`fallback "default" of command "dep" comes after OrElse`:         func() { command.OrElse("").OrElse("") },
		`fallback of command "dep": ` + quill.CheckName("").Error():      func() { command.Fallback("", answers("")) },
		`command "dep" has two fallbacks named "last"`:                   func() { command.FallbackLast(&shelf{}).FallbackLast(&shelf{}) },
		`quill: New: run of command "x" is nil: it must be a function`:   func() { quill.New[int, int]("x", nil) },
		`quill: Bind: run of command "dep" is nil: it must be a functio`: func() { quill.Bind[int, int](c, nil) },
		`quill: Bind: the circuit is nil`:                                func() { quill.Bind(nil, func(context.Context, int) (int, error) { return 0, nil }) },
	} {
		value, returned := catch(build)
		require.False(t, returned, want)
		require.Contains(t, value, want)
	}
	require.Equal(t, "dep", command.Name())
	require.Same(t, c, command.Circuit())
}
