package contender_test

import (
	"context"
	"iter"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
)

// BenchmarkHandOverInThePool is what a Pool call is made of. `go test` sets a timer for its own
// deadline, with which nothing would be bare, so:
//
//	go test -C bench -run '^$' -bench HandOverInThePool -cpu 1 -count 8 -timeout 0 ./contender
func BenchmarkHandOverInThePool(b *testing.B) {
	for _, name := range []string{
		contender.HandOffBare, contender.HandOff, contender.HandOffKept, contender.SpawnBare, contender.Spawn,
		contender.Semaphore, contender.Pool,
	} {
		for _, x := range contender.All() {
			if x.Name != name {
				continue
			}
			b.Run(name, func(b *testing.B) {
				work, _ := contender.Success.Work(1)
				call, free := x.Make(contender.Setup{Case: contender.Success, Work: work, Callers: 1})
				if free != nil {
					defer free()
				}
				ctx := context.Background()
				onProcessor(b, func() { _, _ = call(ctx, 0) })
			})
		}
	}
}

// job is what is handed over: a pointer to it, as to a task.
type job struct{ n int }

// BenchmarkHandOverWays are other ways to hand a job over and have it back:
//
//	go test -C bench -run '^$' -bench HandOverWays -cpu 1 -count 8 -timeout 0 ./contender
func BenchmarkHandOverWays(b *testing.B) {
	for _, way := range []struct {
		name string
		make func(b *testing.B) (handOver, end func())
	}{
		{"two channels that hold one", func(*testing.B) (func(), func()) { return channels(1) }},
		{"two channels without a buffer", func(*testing.B) (func(), func()) { return channels(0) }},
		{"a select of two channels at the caller", selected},
		{"a channel for each call that is closed", closed},
		{"sync.WaitGroup for the way back", waitGroup},
		{"sync.Cond", conditions},
		{"two mutexes", mutexes},
		{"a goroutine for each call", goroutine},
		{"coroutines (iter.Pull)", coroutines},
	} {
		b.Run(way.name, func(b *testing.B) {
			handOver, end := way.make(b)
			defer end()
			onProcessor(b, handOver)
		})
	}
}

// onProcessor tells the processor time of an operation as well: on a busy machine the clock
// says little.
func onProcessor(b *testing.B, f func()) {
	b.Helper()
	b.ReportAllocs()
	began := processorTime()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func channels(room int) (handOver, end func()) {
	there, back := make(chan *job, room), make(chan *job, room)
	go func() {
		for j := range there {
			j.n++
			back <- j
		}
	}()
	j := new(job)
	return func() { there <- j; <-back }, func() { close(there) }
}

// selected waits for the answer or for something else, as who has a context that can end must.
func selected(b *testing.B) (handOver, end func()) {
	there, back := make(chan *job, 1), make(chan *job, 1)
	go func() {
		for j := range there {
			j.n++
			back <- j
		}
	}()
	j, done := new(job), b.Context().Done()
	return func() {
		there <- j
		select {
		case <-back:
		case <-done:
		}
	}, func() { close(there) }
}

func closed(*testing.B) (handOver, end func()) {
	there := make(chan chan struct{}, 1)
	go func() {
		for answer := range there {
			close(answer)
		}
	}()
	return func() {
		answer := make(chan struct{})
		there <- answer
		<-answer
	}, func() { close(there) }
}

func waitGroup(*testing.B) (handOver, end func()) {
	there := make(chan *job, 1)
	var answered sync.WaitGroup
	go func() {
		for j := range there {
			j.n++
			answered.Done()
		}
	}()
	j := new(job)
	return func() {
		answered.Add(1)
		there <- j
		answered.Wait()
	}, func() { close(there) }
}

func conditions(*testing.B) (handOver, end func()) {
	var mu sync.Mutex
	asked, answered := sync.NewCond(&mu), sync.NewCond(&mu)
	var turn int // 0: the caller's, 1: the worker's, 2: nobody's
	go func() {
		mu.Lock()
		defer mu.Unlock()
		for {
			for turn == 0 {
				asked.Wait()
			}
			if turn == 2 {
				return
			}
			turn = 0
			answered.Signal()
		}
	}()
	give := func(to int) {
		mu.Lock()
		defer mu.Unlock()
		turn = to
		asked.Signal()
		for turn == 1 {
			answered.Wait()
		}
	}
	return func() { give(1) }, func() { give(2) }
}

// mutexes are locked by one and unlocked by the other.
func mutexes(*testing.B) (handOver, end func()) {
	var there, back sync.Mutex
	there.Lock()
	back.Lock()
	over := false
	go func() {
		for {
			there.Lock()
			if over {
				return
			}
			back.Unlock()
		}
	}()
	return func() { there.Unlock(); back.Lock() }, func() { over = true; there.Unlock() }
}

func goroutine(*testing.B) (handOver, end func()) {
	back := make(chan *job, 1)
	j := new(job)
	return func() {
		go func() { back <- j }()
		<-back
	}, func() {}
}

func coroutines(*testing.B) (handOver, end func()) {
	j := new(job)
	next, stop := iter.Pull(func(yield func(*job) bool) {
		for yield(j) {
			j.n++
		}
	})
	return func() { next() }, stop
}
