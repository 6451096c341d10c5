package quill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEvidenceOfAnErrorTakesARecordForEachBucketOfTheWindowOnly(t *testing.T) {
	var seen errorSeen
	const window = 10 * time.Second
	for second := range time.Duration(60) {
		for range 100 {
			now := second*time.Second + 1
			seen.add(now, second*time.Second, now-window)
		}
		require.LessOrEqual(t, len(seen.recent), 10)
		require.Equal(t, uint64(second+1)*100, seen.countOfAll())
	}
	seen.add(69*time.Second, 69*time.Second, 59*time.Second)
	require.Len(t, seen.recent, 1, "the bucket that began a window ago has left it")
	require.Equal(t, uint64(6000), seen.older)
}
