package quill_test

import (
	"context"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// Futures: docs/invariants.md, section H. Its other tests are those of future_test.go, of the
// model and of the schedules.

// TestH04DroppedFuturesAreCollected: neither circuit nor pool keeps a future that nobody has
// any more, nor its answer, whether anybody waited for it, gave up or never looked.
func TestH04DroppedFuturesAreCollected(t *testing.T) {
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 10, Timeout: time.Hour})
			command := quill.Bind(c, func(_ context.Context, n int) (*[1 << 16]byte, error) { return &[1 << 16]byte{byte(n)}, nil })
			gaveUp, cancel := context.WithCancel(t.Context())
			cancel()
			var futures []weak.Pointer[quill.Future[*[1 << 16]byte]]
			var answers []weak.Pointer[[1 << 16]byte]
			for n := range 60 {
				f := command.Go(t.Context(), n)
				switch n % 3 {
				case 0:
					_, _ = f.Wait(gaveUp)
				case 1:
					<-f.Done()
				}
				answer, err := f.Wait(t.Context()) // so that the next has a slot
				require.NoError(t, err)
				futures, answers = append(futures, weak.Make(f)), append(answers, weak.Make(answer))
			}
			require.Eventually(t, func() bool {
				runtime.GC()
				return left(futures) == 0 && left(answers) == 0
			}, 5*time.Second, 10*ms, "futures or answers are still held")
			runtime.KeepAlive(c)
			runtime.KeepAlive(command)
		})
	}
}
