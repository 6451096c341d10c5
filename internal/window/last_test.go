package window_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill/internal/window"
)

func TestLastForgetsTheOldestBeyondN(t *testing.T) {
	l := window.NewLast(3)
	calls, byBit := l.Counts()
	require.Zero(t, calls)
	require.Zero(t, byBit)

	for _, mask := range []uint8{0b01, 0b11, 0b00, 0b10} {
		l.Add(mask)
	}
	calls, byBit = l.Counts()
	require.Equal(t, 3, calls)
	require.Equal(t, [8]int{1, 2}, byBit, "the first call is forgotten")

	l.Clear()
	calls, byBit = l.Counts()
	require.Zero(t, calls)
	require.Zero(t, byBit)

	l.Add(0x80)
	calls, byBit = l.Counts()
	require.Equal(t, 1, calls)
	require.Equal(t, [8]int{7: 1}, byBit)
}

func TestLastHoldsAtLeastOneCall(t *testing.T) {
	for _, n := range []int{-5, 0, 1} {
		l := window.NewLast(n)
		l.Add(1)
		l.Add(2)
		calls, byBit := l.Counts()
		require.Equal(t, 1, calls)
		require.Equal(t, [8]int{1: 1}, byBit)
	}
}

func TestLastAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		l := window.NewLast(n)
		var list []uint8
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				mask := rapid.Byte().Draw(t, "mask")
				l.Add(mask)
				list = append(list, mask)
				list = list[max(0, len(list)-n):]
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") > 0 {
					t.Skip("so that it fills up")
				}
				l.Clear()
				list = nil
			},
			"": func(t *rapid.T) {
				var want [8]int
				for _, mask := range list {
					for bit := range want {
						want[bit] += int(mask >> bit & 1)
					}
				}
				calls, byBit := l.Counts()
				require.Equal(t, len(list), calls)
				require.Equal(t, want, byBit)
			},
		})
	})
}
