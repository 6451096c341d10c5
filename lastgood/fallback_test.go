package lastgood_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/lastgood"
)

func TestOnlyPrimarySuccessesAreStored(t *testing.T) { // F1
	errDown := errors.New("down")
	var err error
	answer := 1
	run := func(context.Context, string) (int, error) { return answer, err }
	store := lastgood.New[string, int](lastgood.Settings{})
	c := quill.New("f1", run, quill.WithRegistry(quill.NewRegistry()), quill.Settings{Isolation: quill.Semaphore}).
		Fallback("replica", func(_ context.Context, req string, _ error) (int, error) {
			if req == "replicated" {
				return 7, nil
			}
			return 0, errDown
		}).FallbackLast(store).OrElse(-1)

	err = errDown
	got, callErr := c.Do(t.Context(), "replicated")
	require.NoError(t, callErr)
	require.Equal(t, 7, got)
	got, callErr = c.Do(t.Context(), "a")
	require.NoError(t, callErr)
	require.Equal(t, -1, got)
	require.Zero(t, store.Len(), "neither a fallback's answer nor a failure's value is kept")

	err = quill.Ignore(errDown)
	_, callErr = c.Do(t.Context(), "a")
	require.ErrorIs(t, callErr, errDown)
	require.Zero(t, store.Len(), "nor that of an ignored call")

	err = nil
	got, callErr = c.Do(t.Context(), "a")
	require.NoError(t, callErr)
	require.Equal(t, 1, got)
	require.Equal(t, 1, store.Len())

	err, answer = errDown, 2
	got, callErr = c.Do(t.Context(), "a")
	require.NoError(t, callErr)
	require.Equal(t, 1, got)
}

func TestStaleAnswerTellsItsAge(t *testing.T) { // F4
	synctest.Test(t, func(t *testing.T) {
		var err error
		store := lastgood.New[string, string](lastgood.Settings{MaxAge: time.Minute})
		c := quill.New("f4", func(context.Context, string) (string, error) { return "fresh", err },
			quill.WithRegistry(quill.NewRegistry()), quill.Settings{Isolation: quill.Semaphore}).FallbackLast(store)
		_, callErr := c.Do(t.Context(), "a")
		require.NoError(t, callErr)

		err = errors.New("down")
		time.Sleep(42 * time.Second)
		got, callErr := c.Answer(t.Context(), "a")
		require.NoError(t, callErr)
		require.Equal(t, "fresh", got.Value)
		require.True(t, got.Stale)
		require.Equal(t, 42*time.Second, got.Age)
		require.Equal(t, "last", got.Step)

		time.Sleep(18 * time.Second)
		_, callErr = c.Answer(t.Context(), "a")
		require.ErrorIs(t, callErr, quill.ErrNoAnswer)
		require.ErrorIs(t, callErr, err)
	})
}
