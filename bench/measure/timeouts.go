package measure

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// Timeouts is what a number of calls that all time out at once gave.
type Timeouts struct {
	Late       []float64     // how long after its deadline each caller was back, in nanoseconds, sorted
	Whole      time.Duration // from the first call to the last answer
	Goroutines int           // at the peak, beside the callers
	Wrong      int
}

// AllTimeOut makes the load's callers call once, together.
func (s *Subject) AllTimeOut(timeout time.Duration) Timeouts {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.Load.Cores))
	ctx, cancel := s.Case.Context()
	defer cancel()
	n := s.Load.Callers
	t := Timeouts{Late: make([]float64, n)}
	wrong := make([]bool, n)
	var callers sync.WaitGroup
	start := make(chan struct{})
	before := runtime.NumGoroutine()
	for req := range n {
		callers.Go(func() {
			<-start
			began := time.Now()
			v, err := s.Call(ctx, req)
			t.Late[req] = float64(time.Since(began) - timeout)
			wrong[req] = v != s.Case.Want(req) || err != nil
		})
	}
	watched := make(chan int)
	done := make(chan struct{})
	go watch(done, watched)
	began := time.Now()
	close(start)
	callers.Wait()
	t.Whole = time.Since(began)
	close(done)
	t.Goroutines = <-watched - before - n - 1 // the watch itself
	for _, w := range wrong {
		if w {
			t.Wrong++
		}
	}
	slices.Sort(t.Late)
	return t
}

// watch sends the most goroutines that it saw until done.
func watch(done <-chan struct{}, most chan<- int) {
	peak := runtime.NumGoroutine()
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			most <- max(peak, runtime.NumGoroutine())
			return
		case <-tick.C:
			peak = max(peak, runtime.NumGoroutine())
		}
	}
}
