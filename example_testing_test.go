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

// Titles is the program under test. It takes its registry, so that each test has its own.
type Titles struct {
	get *quill.Command[string, string]
}

func NewTitles(r *quill.Registry, fetch func(context.Context, string) (string, error)) *Titles {
	return &Titles{quill.New("titles", fetch, quill.WithRegistry(r), quill.Settings{
		Timeout:                time.Second,
		RequestVolumeThreshold: 5,
		SleepWindow:            10 * time.Second,
	}).OrElse("(no title)")}
}

func (t *Titles) Title(ctx context.Context, id string) string {
	title, _ := t.get.Do(ctx, id)
	return title
}

func TestExampleSlowDependencyGetsItsDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		titles := NewTitles(quill.NewRegistry(), hang) // inside the bubble

		began := time.Now()
		require.Equal(t, "(no title)", titles.Title(t.Context(), "550"))
		require.Equal(t, time.Second, time.Since(began)) // exactly
	})
}

func TestExampleDependencyThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		titles := NewTitles(quill.NewRegistry(), func(context.Context, string) (string, error) {
			time.Sleep(time.Minute) // a driver that hears of no timeout
			return "too late", nil
		})

		require.Equal(t, "(no title)", titles.Title(t.Context(), "550"))
		require.Equal(t, 1, titles.get.Circuit().Stats().Abandoned)

		time.Sleep(time.Minute) // until the work is over, or the bubble cannot end
		synctest.Wait()
		require.Equal(t, 0, titles.get.Circuit().Stats().Abandoned)
	})
}

func TestExampleCircuitOpensAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, calls := true, 0
		titles := NewTitles(quill.NewRegistry(), func(context.Context, string) (string, error) {
			calls++
			if down {
				return "", errors.New("connection refused")
			}
			return "Fight Club", nil
		})

		for range 8 {
			require.Equal(t, "(no title)", titles.Title(t.Context(), "550"))
		}
		require.Equal(t, 5, calls, "open after five failures: the other three did not reach it")

		down = false
		time.Sleep(10*time.Second - time.Nanosecond)
		require.Equal(t, "(no title)", titles.Title(t.Context(), "550"))
		time.Sleep(time.Nanosecond)
		require.Equal(t, "Fight Club", titles.Title(t.Context(), "550"), "the probe")
		require.Equal(t, quill.Closed, titles.get.Circuit().State())
	})
}

func Example_testing() {
	// A test that needs no time to pass needs no bubble: force the circuit open.
	titles := NewTitles(quill.NewRegistry(), fetchTitle)
	_ = titles.get.Circuit().Override(quill.ForceOpen, 0, "test")

	fmt.Println(titles.Title(context.Background(), "550"))
	// Output: (no title)
}
