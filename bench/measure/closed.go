package measure

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
)

// Load is how many goroutines call at once, and how many cores Go may use.
type Load struct {
	Cores   int `json:"cores"`
	Callers int `json:"callers"`
}

// String says it in words.
func (l Load) String() string {
	return fmt.Sprintf("%s, %s", count(l.Cores, "core"), count(l.Callers, "caller"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Figure is what one run of a closed loop gave.
type Figure struct {
	Wall  float64 // nanoseconds of the clock for each call, of all callers together
	CPU   float64 // nanoseconds of processor time for each call, the runtime's included
	Calls int
	Wrong int // calls that answered what they should not: refused, or timed out
}

// Subject is a contender that is ready to be called.
type Subject struct {
	Call Call
	Case contender.Case
	Load Load

	batch int
}

// Call is contender.Call.
type Call = contender.Call

// Closed calls for d from as many goroutines as the load says, each one call after the
// other.
func (s *Subject) Closed(d time.Duration) Figure {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.Load.Cores))
	ctx, cancel := s.Case.Context()
	defer cancel()
	if s.batch == 0 {
		s.batch = s.calibrate(ctx)
	}
	runtime.GC() // the others' garbage
	s.loop(ctx, d/10)
	return s.loop(ctx, d)
}

// calibrate chooses how many calls are made between two looks at the clock: some 5 µs.
func (s *Subject) calibrate(ctx context.Context) int {
	const tries, most = 20, 64
	fastest := time.Hour
	for range 5 {
		began := time.Now()
		for range tries {
			_, _ = s.Call(ctx, 0)
		}
		fastest = min(fastest, time.Since(began))
	}
	return int(min(most, max(1, 5*time.Microsecond*tries/max(1, fastest))))
}

func (s *Subject) loop(ctx context.Context, d time.Duration) Figure {
	if s.Load.Callers == 1 {
		return s.serial(ctx, d)
	}
	return s.parallel(ctx, d)
}

func (s *Subject) serial(ctx context.Context, d time.Duration) Figure {
	cpu, began := processorTime(), time.Now()
	calls, wrong := s.until(ctx, 0, began.Add(d))
	return figure(time.Since(began), processorTime()-cpu, calls, wrong)
}

// parallel yields the processor between batches, so that all callers take part in a short
// run: without it one runs for 10 ms before the next has its turn. The callers exist, and
// their stacks have grown, before the time begins.
func (s *Subject) parallel(ctx context.Context, d time.Duration) Figure {
	var calls, wrong atomic.Int64
	var ready, callers sync.WaitGroup
	var end time.Time
	start := make(chan struct{})
	ready.Add(s.Load.Callers)
	for req := range s.Load.Callers {
		callers.Go(func() {
			_, _ = s.Call(ctx, req)
			ready.Done()
			<-start
			n, bad := s.until(ctx, req, end)
			calls.Add(int64(n))
			wrong.Add(int64(bad))
		})
	}
	ready.Wait()
	cpu, began := processorTime(), time.Now()
	end = began.Add(d)
	close(start)
	callers.Wait()
	return figure(time.Since(began), processorTime()-cpu, int(calls.Load()), int(wrong.Load()))
}

func (s *Subject) until(ctx context.Context, req int, end time.Time) (calls, wrong int) {
	want := s.Case.Want(req)
	for {
		for range s.batch {
			if v, err := s.Call(ctx, req); v != want || err != nil {
				wrong++
			}
		}
		calls += s.batch
		if !time.Now().Before(end) {
			return calls, wrong
		}
		if s.Load.Callers > 1 {
			runtime.Gosched()
		}
	}
}

func figure(wall, cpu time.Duration, calls, wrong int) Figure {
	n := float64(max(calls, 1))
	return Figure{Wall: float64(wall) / n, CPU: float64(cpu) / n, Calls: calls, Wrong: wrong}
}

// processorTime is what the process has used of all processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Allocs returns how many allocations a call makes, to the nearest whole number: now and then
// one is the runtime's.
func (s *Subject) Allocs() (allocs, bytes uint64) {
	const calls = 2000
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ctx, cancel := s.Case.Context()
	defer cancel()
	for range calls / 10 {
		_, _ = s.Call(ctx, 0)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		_, _ = s.Call(ctx, 0)
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs + calls/2) / calls, (after.TotalAlloc - before.TotalAlloc) / calls
}

// Latencies times each call of a closed loop, in nanoseconds, sorted. Each caller keeps its
// last few hundred. wrong is how many calls answered what they should not.
func (s *Subject) Latencies(d time.Duration) (sorted []float64, wrong int) {
	const keep = 256
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.Load.Cores))
	ctx, cancel := s.Case.Context()
	defer cancel()
	kept := make([][]float64, s.Load.Callers)
	var bad atomic.Int64
	var born time.Time
	var ready, callers sync.WaitGroup
	start := make(chan struct{})
	ready.Add(len(kept))
	for req := range kept {
		mine := make([]float64, 0, keep)
		callers.Go(func() {
			_, _ = s.Call(ctx, req)
			ready.Done()
			<-start
			want := s.Case.Want(req)
			for n := 0; ; n++ {
				began := time.Since(born)
				v, err := s.Call(ctx, req)
				took := time.Since(born) - began
				if v != want || err != nil {
					bad.Add(1)
				}
				if len(mine) < keep {
					mine = append(mine, float64(took))
				} else {
					mine[n%keep] = float64(took)
				}
				if began > d {
					kept[req] = mine
					return
				}
				if n%64 == 63 {
					runtime.Gosched()
				}
			}
		})
	}
	ready.Wait()
	born = time.Now()
	close(start)
	callers.Wait()
	sorted = slices.Concat(kept...)
	slices.Sort(sorted)
	return sorted, int(bad.Load())
}
