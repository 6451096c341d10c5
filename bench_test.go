package quill_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// The benchmarks of the paths that a call can take. `make bench-compare BASE=<rev>` shows
// what a change did to them; bench/ measures them beside other libraries. (The file needs
// no other test file, so that it can be put into an older tree.)

var errBenchmark = errors.New("the dependency failed")

// wide are the default settings with room for everybody.
func wide(isolation quill.Isolation) quill.Settings {
	return quill.Settings{Isolation: isolation, MaxConcurrent: 100_000}
}

// never are wide settings whose breaker does not open.
func never(isolation quill.Isolation) quill.Settings {
	s := wide(isolation)
	s.RequestVolumeThreshold = 1_000_000_000
	return s
}

func benchmarked(b *testing.B, s quill.Settings, run func(context.Context, int) (int, error)) *quill.Command[int, int] {
	b.Helper()
	c := quill.New("benchmarked", run, s, quill.WithRegistry(quill.NewRegistry()))
	if pool, ok := any(c.Circuit().Bulkhead()).(interface{ DismissWorkers() }); ok { // the tests have it, an older tree may not
		b.Cleanup(pool.DismissWorkers)
	}
	return c
}

func succeeds(_ context.Context, req int) (int, error) { return req + 1, nil }

func fails(context.Context, int) (int, error) { return 0, errBenchmark }

// oneByOne measures one call after the other.
func oneByOne(b *testing.B, c *quill.Command[int, int]) {
	b.Helper()
	under(context.Background(), b, c)
}

// under is oneByOne with a caller's context. One that can be cancelled costs more.
func under(ctx context.Context, b *testing.B, c *quill.Command[int, int]) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(ctx, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// sideBySide measures calls of goroutines side by side.
func sideBySide(b *testing.B, c *quill.Command[int, int], goroutines int) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(goroutines)
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Do(ctx, 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkSemaphore(b *testing.B) {
	b.Run("success", func(b *testing.B) { oneByOne(b, benchmarked(b, wide(quill.Semaphore), succeeds)) })
	b.Run("no timeout", func(b *testing.B) {
		s := wide(quill.Semaphore)
		s.Timeout = quill.NoTimeout
		oneByOne(b, benchmarked(b, s, succeeds))
	})
	b.Run("caller may cancel", func(b *testing.B) { under(b.Context(), b, benchmarked(b, wide(quill.Semaphore), succeeds)) })
	b.Run("parallel", func(b *testing.B) { sideBySide(b, benchmarked(b, wide(quill.Semaphore), succeeds), 1) })
	b.Run("crowd", func(b *testing.B) { sideBySide(b, benchmarked(b, wide(quill.Semaphore), succeeds), 512) })
}

func BenchmarkPool(b *testing.B) {
	b.Run("success", func(b *testing.B) { oneByOne(b, benchmarked(b, wide(quill.Pool), succeeds)) })
	b.Run("no timeout", func(b *testing.B) {
		s := wide(quill.Pool)
		s.Timeout = quill.NoTimeout
		oneByOne(b, benchmarked(b, s, succeeds))
	})
	b.Run("caller may cancel", func(b *testing.B) { under(b.Context(), b, benchmarked(b, wide(quill.Pool), succeeds)) })
	b.Run("parallel", func(b *testing.B) { sideBySide(b, benchmarked(b, wide(quill.Pool), succeeds), 1) })
	b.Run("crowd", func(b *testing.B) { sideBySide(b, benchmarked(b, wide(quill.Pool), succeeds), 512) })
}

func BenchmarkOpenOrElse(b *testing.B) {
	open := func(b *testing.B) *quill.Command[int, int] {
		b.Helper()
		s := wide(quill.Semaphore)
		s.RequestVolumeThreshold, s.SleepWindow = 1, time.Hour
		c := benchmarked(b, s, fails)
		if _, err := c.Do(b.Context(), 1); err == nil || c.Circuit().State() != quill.Open {
			b.Fatal("the circuit did not open")
		}
		return c.OrElse(7)
	}
	b.Run("alone", func(b *testing.B) { oneByOne(b, open(b)) })
	b.Run("parallel", func(b *testing.B) { sideBySide(b, open(b), 1) })
}

// BenchmarkOverridden is a circuit that an operator or its settings have overridden for good.
func BenchmarkOverridden(b *testing.B) {
	for _, o := range []quill.Override{quill.ForceOpen, quill.ForceClosed, quill.Disabled} {
		s := wide(quill.Semaphore)
		s.Override = o
		b.Run(o.String(), func(b *testing.B) { oneByOne(b, benchmarked(b, s, succeeds).OrElse(7)) })
		b.Run(o.String()+", parallel", func(b *testing.B) { sideBySide(b, benchmarked(b, s, succeeds).OrElse(7), 1) })
	}
}

func BenchmarkFailureOrElse(b *testing.B) {
	for _, isolation := range []quill.Isolation{quill.Semaphore, quill.Pool} {
		b.Run(isolation.String(), func(b *testing.B) { oneByOne(b, benchmarked(b, never(isolation), fails).OrElse(7)) })
		b.Run(isolation.String()+", parallel", func(b *testing.B) {
			sideBySide(b, benchmarked(b, never(isolation), fails).OrElse(7), 1)
		})
	}
	b.Run("counters spread for 16 processors", func(b *testing.B) {
		c := benchmarked(b, never(quill.Semaphore), fails).OrElse(7)
		circuit, ok := any(c.Circuit()).(interface{ SpreadCounters(processors int) })
		if !ok { // an older tree
			b.Skip("no way to spread them")
		}
		circuit.SpreadCounters(16)
		oneByOne(b, c)
	})
}

// BenchmarkDone is work that looks at its context, as all that waits for something does.
func BenchmarkDone(b *testing.B) {
	ready := make(chan int)
	close(ready)
	waits := func(ctx context.Context, _ int) (int, error) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case n := <-ready:
			return n, nil
		}
	}
	for _, isolation := range []quill.Isolation{quill.Semaphore, quill.Pool} {
		b.Run(isolation.String(), func(b *testing.B) { oneByOne(b, benchmarked(b, wide(isolation), waits)) })
	}
}

func BenchmarkGoWait(b *testing.B) {
	for _, isolation := range []quill.Isolation{quill.Semaphore, quill.Pool} {
		b.Run(isolation.String(), func(b *testing.B) {
			c := benchmarked(b, wide(isolation), succeeds)
			b.ReportAllocs()
			ctx := context.Background()
			for b.Loop() {
				if _, err := c.Go(ctx, 1).Wait(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
