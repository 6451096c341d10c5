package quill_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestHooksOfARegistryHearOfCircuitsMadeBeforeAndAfter(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var told diary
		var order []string
		own := quill.WithHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) { order = append(order, "own") }})
		r := quill.NewRegistry()
		s := quill.Settings{Isolation: isolation, RequestVolumeThreshold: 2}
		before := quill.New("before", fails, s, own, quill.WithRegistry(r))
		bare := quill.New("bare", fails, s, quill.WithRegistry(r))
		_, _ = before.Do(t.Context(), 1)
		_, _ = bare.Do(t.Context(), 1)

		r.AddHooks(told.writes())
		r.AddHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) { order = append(order, "registry") }})
		after := quill.New("after", fails, s, own, quill.WithRegistry(r))
		_, _ = after.Do(t.Context(), 1)
		require.Equal(t, []string{"own", "own", "registry"}, order)
		require.Equal(t, 1, told.len(), "nothing of what was before")
		for _, c := range []*quill.Command[int, int]{before, bare, after} {
			require.NoError(t, c.Circuit().Configure(s), "which keeps them")
			_, _ = c.Do(t.Context(), 1)
			require.Equal(t, c.Name(), told.last(t).Command)
			require.Equal(t, quill.Open, c.Circuit().State())
			_, _ = c.OrElse(7).Do(t.Context(), 1)
			require.Equal(t, quill.ShortCircuited, told.last(t).Outcome, "an open circuit's short way is for those without hooks")
		}
		require.Len(t, told.reasons(), 3)

		panics := quill.New("panics", func(context.Context, int) (int, error) { panic("boom") }, s, quill.WithRegistry(r))
		panics.Go(t.Context(), 1)
		synctest.Wait()
		require.Len(t, told.panics, 1)
	})
}

func TestACallUnderWayKeepsTheHooksThatItBeganWith(t *testing.T) {
	for _, isolation := range isolations { // outside of a bubble, for calls by Go on a warm worker
		var told diary
		r, began, goOn := quill.NewRegistry(), make(chan struct{}), make(chan struct{})
		c := quill.New("dep", func(context.Context, int) (int, error) {
			began <- struct{}{}
			<-goOn
			return 7, nil
		}, quill.Settings{Isolation: isolation}, quill.WithRegistry(r))
		t.Cleanup(c.Circuit().Bulkhead().DismissWorkers)

		first := c.Go(t.Context(), 1)
		<-began
		r.AddHooks(told.writes())
		goOn <- struct{}{}
		v, err := first.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, 7, v)
		require.Zero(t, told.len())

		second := c.Go(t.Context(), 1)
		<-began
		goOn <- struct{}{}
		_, err = second.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, told.len())
	}
}

func TestAHookThatIsAddedWhileOthersAreToldHearsOfWhatComesAfter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var slow, late diary
		slowly := slow.writes()
		write := slowly.OnTransition
		slowly.OnTransition = func(e quill.Transition) {
			pass(time.Minute)
			write(e)
		}
		r := quill.NewRegistry()
		c := quill.NewCircuit("dep", quill.WithHooks(slowly), quill.WithRegistry(r))
		openUp(t, c)
		c.Reset() // waits to be told
		r.AddHooks(late.writes())
		openUp(t, c)
		pass(time.Hour)
		require.Len(t, slow.reasons(), 3)
		require.Equal(t, slow.reasons()[2:], late.reasons())
	})
}

func TestCircuitsMadeWhileHooksAreAddedHaveThemOnce(t *testing.T) {
	r := quill.NewRegistry()
	var told [8]atomic.Int64
	var all sync.WaitGroup
	for i := range told {
		all.Go(func() {
			for k := range 50 {
				quill.NewCircuit(fmt.Sprint(k), quill.WithRegistry(r), quill.WithColdPool())
			}
		})
		all.Go(func() { r.AddHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) { told[i].Add(1) }}) })
	}
	all.Wait()
	for c := range r.All() {
		require.NoError(t, call(t, c, nil))
	}
	for i := range told {
		require.EqualValues(t, 50, told[i].Load())
	}
}

// A worker that tells hooks of a call could not serve the next one: it is idle by then.
func TestASlowHookOfACallByGoHoldsNoWorkerUp(t *testing.T) {
	for _, isolation := range isolations { // outside of a bubble, for warm workers
		r, entered, goOn := quill.NewRegistry(), make(chan struct{}), make(chan struct{})
		c := quill.New("dep", succeeds, quill.Settings{Isolation: isolation}, quill.WithRegistry(r))
		t.Cleanup(c.Circuit().Bulkhead().DismissWorkers)
		for range 3 {
			_, err := c.Go(t.Context(), 1).Wait(t.Context())
			require.NoError(t, err)
		}
		r.AddHooks(quill.Hooks{OnCall: func(ctx context.Context, _ quill.CallEvent) {
			if ctx.Value(slowOne{}) != nil {
				close(entered)
				<-goOn
			}
		}})
		slow := c.Go(context.WithValue(t.Context(), slowOne{}, true), 1)
		<-entered
		for range 10 {
			_, err := c.Go(t.Context(), 1).Wait(t.Context())
			require.NoError(t, err)
		}
		close(goOn)
		_, err := slow.Wait(t.Context())
		require.NoError(t, err)
	}
}

type slowOne struct{}

func TestAPanicIsToldToHooksThatWereAddedMeanwhile(t *testing.T) {
	for _, cold := range []bool{true, false} {
		var told diary
		r, began, goOn := quill.NewRegistry(), make(chan struct{}), make(chan struct{})
		opts := []quill.Option{quill.WithRegistry(r)}
		if cold {
			opts = append(opts, quill.WithColdPool())
		}
		c := quill.New("dep", func(_ context.Context, req int) (int, error) {
			if req == 0 {
				return 0, nil
			}
			close(began)
			<-goOn
			panic("boom")
		}, opts...)
		t.Cleanup(c.Circuit().Bulkhead().DismissWorkers)
		for range 3 {
			_, err := c.Do(t.Context(), 0)
			require.NoError(t, err)
		}
		f := c.Go(t.Context(), 1)
		<-began
		r.AddHooks(told.writes())
		close(goOn)
		<-f.Done()
		require.NoError(t, r.Wait(t.Context()))
		require.Len(t, told.panics, 1)
		require.Zero(t, told.len())
	}
}

func TestHooksAndSettingsThatMeetAreBothInForce(t *testing.T) {
	r := quill.NewRegistry()
	c := quill.NewCircuit("dep", quill.WithRegistry(r), quill.WithColdPool())
	const rounds = 300
	var told atomic.Int64
	for i := range rounds {
		want := quill.Settings{Timeout: time.Second + time.Duration(i)*time.Millisecond}
		var both sync.WaitGroup
		both.Go(func() { r.AddHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) { told.Add(1) }}) })
		both.Go(func() { require.NoError(t, c.Configure(want)) })
		both.Wait()
		require.Equal(t, want, c.Settings())
	}
	require.NoError(t, call(t, c, nil))
	require.EqualValues(t, rounds, told.Load())
}
