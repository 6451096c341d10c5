package quill_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// over is a context that has ended: with it Wait looks once.
func over(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// rests is work that heeds no context.
func rests(_ context.Context, d time.Duration) (int, error) {
	pass(d)
	return 0, nil
}

func TestWaitWaitsForWorkThatNobodyWaitsFor(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		r := quill.NewRegistry()
		work := quill.New("orders", rests, quill.Settings{Isolation: isolation, Timeout: time.Second}, quill.WithRegistry(r))
		require.NoError(t, r.Wait(over(t)), "nothing is under way, so nothing is waited for")
		began := time.Now()
		work.Go(t.Context(), 5*time.Second)
		require.ErrorContains(t, r.Wait(over(t)), "quill: still at work: orders (", "perhaps it has not yet begun")
		synctest.Wait()

		require.NoError(t, r.Wait(t.Context()))
		waited := time.Since(began)
		require.GreaterOrEqual(t, waited, 5*time.Second)
		require.LessOrEqual(t, waited, 5*time.Second+100*time.Millisecond)
	})
}

func TestWaitTellsWhoIsStillAtWork(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := quill.NewRegistry()
		s := quill.Settings{Timeout: time.Second, MaxConcurrent: 1, QueueSize: 1}
		orders := quill.New("orders", rests, s, quill.WithRegistry(r))
		invoices := quill.New("invoices", rests, s, quill.WithRegistry(r))
		quill.New("idle", rests, quill.WithRegistry(r))
		go func() { _, _ = orders.Do(t.Context(), time.Minute) }()
		pass(2 * time.Second) // its caller has left
		go func() { _, _ = invoices.Do(t.Context(), 500*time.Millisecond) }()
		synctest.Wait()
		go func() { _, _ = invoices.Do(t.Context(), time.Second) }()
		synctest.Wait()

		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errMine)
		defer cancel()
		err := r.Wait(ctx)
		require.ErrorContains(t, err,
			"quill: still at work: invoices (1 in flight, 1 queued); orders (1 in flight, 1 of these abandoned): ")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errMine)

		later, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.ErrorContains(t, r.Wait(later), "work: orders (1 in flight, 1 of these abandoned): ", "the others are done by then")
		require.True(t, r.Remove("orders"))
		require.NoError(t, r.Wait(over(t)), "a registry waits for the circuits that it has")
	})
}

// slowStore takes two seconds to keep an answer.
type slowStore struct{}

func (slowStore) Save(context.Context, int, int) error {
	pass(2 * time.Second)
	return nil
}

func (slowStore) Last(context.Context, int) (quill.Stored[int], error) {
	return quill.Stored[int]{}, quill.ErrNoAnswer
}

func TestWaitWaitsForWhatComesAfterRunInCallsByGo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := quill.NewRegistry()
		slow := quill.Hooks{OnCall: func(context.Context, quill.CallEvent) { pass(2 * time.Second) }}
		for _, c := range []*quill.Command[int, int]{
			quill.New("fallback", fails, quill.WithRegistry(r)).
				Fallback("slow", func(context.Context, int, error) (int, error) { return rests(t.Context(), 2*time.Second) }),
			quill.New("store", succeeds, quill.WithRegistry(r)).FallbackLast(slowStore{}),
			quill.New("hook", succeeds, quill.WithHooks(slow), quill.WithRegistry(r)),
			quill.New("panic", func(context.Context, int) (int, error) { panic("boom") }, quill.WithHooks(slow), quill.WithRegistry(r)),
		} {
			f := c.Go(t.Context(), 1)
			pass(time.Second)
			require.ErrorContains(t, r.Wait(over(t)), c.Name()+" (")
			require.NoError(t, r.Wait(t.Context()))
			select {
			case <-f.Done():
			default:
				require.Fail(t, "it is not done", c.Name())
			}
		}
	})
}

func TestWaitWaitsForHooksThatRunApartFromCalls(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var told []string
		r := quill.NewRegistry()
		r.AddHooks(quill.Hooks{
			OnTransition: func(e quill.Transition) { pass(2 * time.Second); told = append(told, e.To.String()) },
			OnPanic:      func(*quill.PanicError) { pass(2 * time.Second); told = append(told, "panic") },
		})
		s := quill.Settings{Timeout: time.Second, RequestVolumeThreshold: 1}
		late := quill.New("late", func(context.Context, int) (int, error) { pass(5 * time.Second); panic("boom") }, s, quill.WithRegistry(r))
		_, err := late.Do(t.Context(), 1)
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.NoError(t, r.Wait(t.Context()))
		require.Equal(t, []string{"open", "panic"}, told)

		ended := quill.New("by Go", func(context.Context, int) (int, error) { panic("boom") }, quill.WithRegistry(r)).Go(t.Context(), 1)
		<-ended.Done()
		require.NoError(t, r.Wait(t.Context()))
		require.Len(t, told, 3)
	})
}

// On a warm worker the call has no goroutine of its own until run has failed.
func TestWaitWaitsForTheFallbackOfACallOnAWarmWorker(t *testing.T) {
	r, goOn := quill.NewRegistry(), make(chan struct{})
	c := quill.New("dep", fails, quill.WithRegistry(r)).
		Fallback("slow", func(context.Context, int, error) (int, error) {
			<-goOn
			return 1, nil
		})
	t.Cleanup(c.Circuit().Bulkhead().DismissWorkers)
	f := c.Go(t.Context(), 1)
	for c.Circuit().Stats().FallbacksInFlight == 0 {
		require.Error(t, r.Wait(over(t)))
	}
	require.EqualError(t, r.Wait(over(t)), "quill: still at work: dep (1 in a fallback, 1 in the background): context canceled")
	close(goOn)
	require.NoError(t, r.Wait(t.Context()))
	_, err := f.Wait(t.Context())
	require.NoError(t, err)
}

// askedContext calls asked each time when it is asked whether it has ended.
type askedContext struct {
	context.Context //nolint:containedctx // it is one

	asked func()
}

func (c askedContext) Err() error {
	c.asked()
	return c.Context.Err()
}

// A call that leaves the queue is not yet counted where it goes, or no longer where it was, unless the
// order is right. On a shared bulkhead nothing else tells of it.
func TestWaitMissesNoCallThatLeavesTheQueue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		bulkhead := quill.NewBulkhead("shared", quill.BulkheadSettings{MaxConcurrent: 1, QueueSize: 1})
		r := quill.NewRegistry()
		first := quill.New("first", rests, quill.WithBulkhead(bulkhead), quill.WithRegistry(quill.NewRegistry()))
		queued := quill.New("queued", rests, quill.WithBulkhead(bulkhead), quill.WithRegistry(r))
		go func() { _, _ = first.Do(t.Context(), 500*time.Millisecond) }()
		synctest.Wait()

		var missed error
		began, looks := time.Now(), 0
		ctx := askedContext{t.Context(), func() {
			if time.Since(began) < 500*time.Millisecond {
				return // it asks for its slot
			}
			looks++
			if r.Wait(over(t)) == nil {
				missed = errors.Join(missed, fmt.Errorf("look %d saw nobody", looks))
			}
		}}
		_, err := queued.Do(ctx, time.Second) // by Go it would be seen anyway
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.NoError(t, missed)
		require.Positive(t, looks)
	})
}
