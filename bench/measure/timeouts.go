package measure

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Timeouts is what a number of calls that all time out at once gave.
type Timeouts struct {
	Late    []float64     // how long after its deadline each caller was back, in nanoseconds, sorted
	Whole   time.Duration // from the first call to the last answer
	Peak    int           // most goroutines at once, beside the callers
	Staying int           // those that are there when every caller is back, and no timer is about to fire
	Wrong   int
}

// AllTimeOut makes the load's callers call once, together.
func (s *Subject) AllTimeOut(timeout time.Duration) Timeouts {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.Load.Cores))
	ctx, cancel := s.Case.Context()
	defer cancel()
	n := s.Load.Callers
	t := Timeouts{Late: make([]float64, n)}
	wrong := make([]bool, n)
	var callers, answered sync.WaitGroup
	start, done := make(chan struct{}), make(chan struct{})
	var most peak
	runtime.GC() // now, and not in the middle
	before := steady()
	answered.Add(n)
	for req := range n {
		callers.Go(func() {
			<-start
			began := time.Now()
			v, err := s.Call(ctx, req)
			t.Late[req] = float64(time.Since(began) - timeout)
			most.look()
			wrong[req] = v != s.Case.Want(req) || err != nil
			answered.Done()
			<-done // to be there as long as goroutines are counted
		})
	}
	go func() {
		for tick := time.NewTicker(100 * time.Microsecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				most.look()
			}
		}
	}()
	began := time.Now()
	close(start)
	answered.Wait()
	t.Whole = time.Since(began)
	t.Staying = steady() - before - n - 1 // the ticker's
	t.Peak = int(most.n.Load()) - before - n - 1
	close(done)
	callers.Wait()
	for _, w := range wrong {
		if w {
			t.Wrong++
		}
	}
	slices.Sort(t.Late)
	return t
}

// steady is how many goroutines there are when those that are about to leave have gone.
func steady() int {
	n, same := runtime.NumGoroutine(), 0
	for end := time.Now().Add(time.Second); same < 5 && time.Now().Before(end); same++ {
		time.Sleep(time.Millisecond)
		if now := runtime.NumGoroutine(); now != n {
			n, same = now, 0
		}
	}
	return n
}

// peak is the most goroutines that anybody saw.
type peak struct{ n atomic.Int64 }

func (p *peak) look() {
	for n := int64(runtime.NumGoroutine()); ; {
		seen := p.n.Load()
		if n <= seen || p.n.CompareAndSwap(seen, n) {
			return
		}
	}
}
