package measure

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
)

// Footprint is what a number of commands cost that do nothing.
type Footprint struct {
	CPU        float64 `json:"cpu"`        // nanoseconds of processor time for each, garbage collection included
	Creation   float64 `json:"creation"`   // nanoseconds for each
	Bytes      float64 `json:"bytes"`      // heap and stacks, for each
	Goroutines float64 `json:"goroutines"` // for each
	Heap       uint64  `json:"heap"`       // of all, in bytes
}

// FootprintOf makes n commands, calls each as often as given, and looks at what is left.
// rest waits until they rest. It wants a process for itself.
func FootprintOf(c contender.Idle, n, calls int, rest func()) Footprint {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("command-%06d", i)
	}
	kept := make([]contender.Call, n)
	before, goroutines := settled(), runtime.NumGoroutine()
	cpu, began := processorTime(), time.Now()
	for i, name := range names {
		kept[i] = c.Make(name)
	}
	took, cpu := time.Since(began), processorTime()-cpu
	for _, call := range kept {
		for range calls {
			_, _ = call(context.Background(), 0)
		}
	}
	rest()
	heap := settled() - before
	f := Footprint{
		CPU: float64(cpu) / float64(n), Creation: float64(took) / float64(n), Bytes: float64(heap) / float64(n), Heap: heap,
		Goroutines: float64(runtime.NumGoroutine()-goroutines) / float64(n),
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(names)
	return f
}

// settled is what is in use when the garbage is gone. It takes two collections to empty a
// sync.Pool.
func settled() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
