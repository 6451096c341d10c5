package quill

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func newTask() *task {
	c := newCircuit("dep", &options{})
	t := new(task)
	t.init(c, nil, true, true)
	return t
}

func TestLateTimerOfAnEarlierCallLeavesTheNextAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTask()
		first, second := int64(time.Second), int64(2*time.Second)
		k.begin(first)
		seen := k.status.Load() // the timer has fired, seen that the first call is due, and is held up
		require.True(t, k.tryEnd(finished))
		k.begin(second)
		require.False(t, k.abandon(seen, expired))
		require.Equal(t, second, k.status.Load(), "the second call goes on")
		require.Zero(t, k.circuit.bulkhead.abandoned.Load())

		<-k.done
		require.Equal(t, 2*time.Second, k.circuit.now())
		require.Equal(t, expired, k.status.Load())
	})
}

func TestTaskWithAShorterDeadlineThanTheLastEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTask()
		k.begin(int64(time.Hour))
		require.True(t, k.tryEnd(finished))
		k.begin(int64(time.Second))
		<-k.done
		require.Equal(t, time.Second, k.circuit.now())
		k.clear()
	})
}

func TestTaskEndsOneWayOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, first := range []int64{finished, expired, abandoned} {
			for _, second := range []int64{finished, expired, abandoned} {
				k := newTask()
				k.begin(noDeadline)
				require.True(t, k.tryEnd(first))
				require.False(t, k.tryEnd(second))
				require.False(t, k.abandon(k.status.Load(), second))
				require.Equal(t, first, k.status.Load())
				require.Zero(t, k.circuit.bulkhead.abandoned.Load())
			}
		}
	})
}

func TestTimerOfACallThatEndedServesTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTask()
		k.begin(int64(time.Second))
		require.True(t, k.tryEnd(finished))
		k.begin(int64(3 * time.Second))
		require.Equal(t, int64(time.Second), k.armed.Load(), "the timer was left alone")
		<-k.done
		require.Equal(t, 3*time.Second, k.circuit.now())

		k.begin(int64(4 * time.Second))
		require.True(t, k.tryEnd(finished))
		time.Sleep(time.Hour)
		require.Equal(t, idle, k.armed.Load(), "no timer is left when no call comes")
		require.Empty(t, k.done)
	})
}
