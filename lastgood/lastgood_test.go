package lastgood

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLastReturnsWhatWasSavedWithItsAge(t *testing.T) { // F4
	synctest.Test(t, func(t *testing.T) {
		s := New[string, int](Settings{MaxAge: time.Minute})
		require.NoError(t, s.Save(t.Context(), "a", 1))
		got, err := s.Last(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, quill.Stored[int]{Value: 1}, got)

		time.Sleep(20 * time.Second)
		got, err = s.Last(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, quill.Stored[int]{Value: 1, Age: 20 * time.Second}, got)

		require.NoError(t, s.Save(t.Context(), "a", 2))
		time.Sleep(59 * time.Second)
		got, err = s.Last(t.Context(), "a")
		require.NoError(t, err, "saving again starts a new age; reading does not")
		require.Equal(t, quill.Stored[int]{Value: 2, Age: 59 * time.Second}, got)
	})
}

func TestMissIsErrNoAnswer(t *testing.T) {
	s := New[string, int](Settings{})
	got, err := s.Last(t.Context(), "never saved")
	require.ErrorIs(t, err, quill.ErrNoAnswer)
	require.Zero(t, got)
}

func TestAnswerIsServedUntilJustBeforeMaxAge(t *testing.T) { // F3
	synctest.Test(t, func(t *testing.T) {
		s := New[string, int](Settings{MaxAge: time.Minute})
		require.NoError(t, s.Save(t.Context(), "a", 1))
		time.Sleep(time.Minute - 1)
		got, err := s.Last(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, time.Minute-1, got.Age)
		time.Sleep(time.Nanosecond)
		_, err = s.Last(t.Context(), "a")
		require.ErrorIs(t, err, quill.ErrNoAnswer)
	})
}

func TestExpiredAnswersAreRemovedByOtherTraffic(t *testing.T) { // F3
	synctest.Test(t, func(t *testing.T) {
		s := New[int, int](Settings{MaxAge: time.Minute})
		for i := range 100 {
			require.NoError(t, s.Save(t.Context(), i, i))
		}
		require.Equal(t, 100, s.Len())
		time.Sleep(time.Minute + 5*time.Second)
		require.NoError(t, s.Save(t.Context(), 1000, 1))
		require.Equal(t, 1, s.cache.EstimatedSize(), "without anybody asking for the old ones")
		require.Equal(t, uint64(100), s.Stats().Expired)
	})
}

func TestSizeIsBoundedAfterEverySave(t *testing.T) { // F3
	s := New[int, int](Settings{MaxEntries: 50})
	for i := range 5_000 {
		require.NoError(t, s.Save(t.Context(), i, i))
		require.LessOrEqual(t, s.cache.EstimatedSize(), 50)
	}
	st := s.Stats()
	require.Equal(t, 50, st.Entries)
	require.Equal(t, uint64(4_950), st.Evicted)
}

func TestStoreOfOneKeepsOne(t *testing.T) {
	s := New[int, int](Settings{MaxEntries: 1})
	for i := range 10 {
		require.NoError(t, s.Save(t.Context(), i, i))
		require.LessOrEqual(t, s.Len(), 1)
	}
	require.Equal(t, 1, s.Len())
}

func TestAnswersThatAreRenewedSurviveAPassOverManyOthers(t *testing.T) {
	s := New[int, int](Settings{MaxEntries: 100})
	for range 10 {
		for i := range 20 {
			require.NoError(t, s.Save(t.Context(), i, i))
		}
	}
	for i := 1_000; i < 11_000; i++ {
		require.NoError(t, s.Save(t.Context(), i, i))
	}
	kept := 0
	for i := range 20 {
		if _, err := s.Last(t.Context(), i); err == nil {
			kept++
		}
	}
	require.GreaterOrEqual(t, kept, 18)
}

func TestHeapStaysFlatUnderManyRequests(t *testing.T) { // F3
	s := New[int, [1024]byte](Settings{MaxEntries: 500, MaxAge: time.Hour})
	fill := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			require.NoError(t, s.Save(t.Context(), i, [1024]byte{}))
		}
		require.LessOrEqual(t, s.Len(), 500)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := fill(0, 5_000)
	after := fill(5_000, 100_000) // unbounded, this would hold 95 MB more
	require.Less(t, after, before+1<<20)
	runtime.KeepAlive(s)
}

func TestNaNRequestsAreNotKept(t *testing.T) {
	s := New[float64, int](Settings{MaxEntries: 10})
	for range 100 {
		require.NoError(t, s.Save(t.Context(), math.NaN(), 1))
	}
	require.Zero(t, s.Len(), "they could neither be found nor removed again")
	_, err := s.Last(t.Context(), math.NaN())
	require.ErrorIs(t, err, quill.ErrNoAnswer)
}

func TestForgetDropsOneAnswer(t *testing.T) {
	s := New[string, int](Settings{})
	require.NoError(t, s.Save(t.Context(), "a", 1))
	require.NoError(t, s.Save(t.Context(), "b", 2))
	require.True(t, s.Forget(t.Context(), "a"))
	require.False(t, s.Forget(t.Context(), "a"))
	_, err := s.Last(t.Context(), "a")
	require.ErrorIs(t, err, quill.ErrNoAnswer)
	got, err := s.Last(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, 2, got.Value)
	require.Equal(t, Stats{Entries: 1, Hits: 1, Misses: 1}, s.Stats())
}

func TestValuesAreSharedNotCopied(t *testing.T) {
	s := New[string, *int](Settings{})
	v := new(int)
	require.NoError(t, s.Save(t.Context(), "a", v))
	got, err := s.Last(t.Context(), "a")
	require.NoError(t, err)
	require.Same(t, v, got.Value)
}

func TestSaveKeepsTheAnswerOfACallerWhoLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := New[string, int](Settings{})
	require.NoError(t, s.Save(ctx, "a", 1))
	_, err := s.Last(ctx, "a")
	require.NoError(t, err)
}

type tenantKey struct{}

type query struct{ words []string } // not comparable

func byTenant(ctx context.Context, q query) string {
	tenant, ok := ctx.Value(tenantKey{}).(string)
	if !ok {
		return ""
	}
	return Key(append([]string{tenant}, q.words...)...)
}

func TestKeyedStoreKeepsTenantsApart(t *testing.T) { // F2
	s := NewKeyed[query, string](Settings{}, byTenant)
	a := context.WithValue(t.Context(), tenantKey{}, "a")
	ab := context.WithValue(t.Context(), tenantKey{}, "ab")
	require.NoError(t, s.Save(a, query{[]string{"bc"}}, "of a"))
	require.NoError(t, s.Save(ab, query{[]string{"c"}}, "of ab"))
	got, err := s.Last(a, query{[]string{"bc"}})
	require.NoError(t, err)
	require.Equal(t, "of a", got.Value)
	got, err = s.Last(ab, query{[]string{"c"}})
	require.NoError(t, err)
	require.Equal(t, "of ab", got.Value)
	_, err = s.Last(a, query{[]string{"c"}})
	require.ErrorIs(t, err, quill.ErrNoAnswer)
	require.True(t, s.Forget(a, query{[]string{"bc"}}))
}

func TestEmptyKeyIsNeitherKeptNorServed(t *testing.T) { // F2
	s := NewKeyed[query, string](Settings{}, byTenant)
	require.NoError(t, s.Save(t.Context(), query{}, "of nobody"))
	require.Zero(t, s.Len())
	_, err := s.Last(t.Context(), query{})
	require.ErrorIs(t, err, quill.ErrNoAnswer)
	require.False(t, s.Forget(t.Context(), query{}))
}

func TestSettingsAreCheckedAllAtOnce(t *testing.T) {
	require.NoError(t, Settings{}.Validate())
	require.NoError(t, Settings{MaxEntries: 1, MaxAge: time.Millisecond}.Validate())
	require.NoError(t, Settings{MaxEntries: 100_000_000, MaxAge: 8760 * time.Hour}.Validate())

	err := Settings{MaxEntries: -1, MaxAge: 1}.Validate()
	var bad *quill.SettingsError
	require.ErrorAs(t, err, &bad)
	require.Len(t, bad.Problems, 2)
	for _, part := range []string{"MaxEntries", "-1", "1 to 100,000,000", "MaxAge", "1ns", "1ms to 8760h"} {
		require.ErrorContains(t, err, part)
	}
	require.Error(t, Settings{MaxEntries: 100_000_001}.Validate())
	require.Error(t, Settings{MaxAge: 8760*time.Hour + 1}.Validate())
}

func TestConstructorsPanicWithASentence(t *testing.T) {
	text := func(f func()) (s string) {
		defer func() { s = fmt.Sprint(recover()) }()
		f()
		return ""
	}
	require.Contains(t, text(func() { New[int, int](Settings{MaxAge: -1}) }), "lastgood: New: ")
	require.Contains(t, text(func() { New[int, int](Settings{MaxAge: -1}) }), "MaxAge")
	require.Equal(t, "lastgood: NewKeyed: needs a key function",
		text(func() { NewKeyed[int, int](Settings{}, nil) }))
}

func TestConcurrentUseKeepsTheBoundAndTheRightAnswers(t *testing.T) {
	s := New[int, int](Settings{MaxEntries: 64})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2_000 {
				k := (i*7 + g) % 200
				if s.Save(t.Context(), k, k) != nil {
					t.Error("Save failed")
				}
				if got, err := s.Last(t.Context(), k); err == nil && got.Value != k {
					t.Errorf("key %d answered with %d", k, got.Value)
				}
				if i%50 == 0 {
					s.Forget(t.Context(), k)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, s.Len(), 64)
}
