package quill

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mixed is work of which each fifth call ends in another way, and which answers with its own
// number: calls whose tasks were mixed up are found out.
func mixed(ctx context.Context, n int) (int, error) {
	switch n % 5 {
	case 0:
		return 0, errors.New("odd")
	case 1:
		runtime.Gosched()
	case 2:
		<-ctx.Done() // abandoned: its caller gives up
	case 3:
		panic(n)
	}
	return n, nil
}

// restsSoon waits, in real time, until no work is left, nor a timer that is about to see that it
// came too late to leave any behind.
func restsSoon(t *testing.T, c *Circuit) {
	t.Helper()
	require.Eventually(t, func() bool {
		s := c.Stats()
		return s.InFlight == 0 && s.Abandoned == 0
	}, 10*time.Second, time.Millisecond)
}

// checkMixed makes one call of mixed work and checks that what comes back is its own. The
// call tells by leaves when its caller may give up.
func checkMixed(t *testing.T, n int, call func(ctx context.Context, leaves func()) (int, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leaves := func() {}
	if n%5 == 2 {
		leaves = func() { go cancel() }
	}
	defer func() {
		if v := recover(); v != nil && v.(*PanicError).Value != n {
			t.Errorf("call %d panicked with %v", n, v)
		}
	}()
	v, err := call(ctx, leaves)
	switch n % 5 {
	case 0:
		if err == nil || err.Error() != "odd" {
			t.Errorf("call %d: %v", n, err)
		}
	case 1, 4:
		if err != nil || v != n {
			t.Errorf("call %d: %d, %v", n, v, err)
		}
	case 2:
		if !errors.Is(err, context.Canceled) && (err != nil || v != n) { // its work may have been quicker
			t.Errorf("call %d: %v", n, err)
		}
	case 3:
		t.Errorf("call %d returned", n)
	}
}

// mixedCalls is how many numbers fourAtOnce gives out.
const mixedCalls = 1600

// fourAtOnce has four goroutines call f, each with numbers of its own.
func fourAtOnce(f func(n int)) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range mixedCalls / 4 {
				f(g*1000 + i)
			}
		})
	}
	wg.Wait()
}
