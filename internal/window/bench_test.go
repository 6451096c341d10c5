package window_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

func BenchmarkCountersAdd(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		var c window.Counters
		b.ReportAllocs()
		for b.Loop() {
			c.Add(0, window.NoSeat)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var c window.Counters
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.Add(0, window.NoSeat)
			}
		})
	})
	b.Run("parallel on one line, for comparison", func(b *testing.B) {
		var n atomic.Uint64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				n.Add(1)
			}
		})
	})
}

// BenchmarkPlace is what a seat earns, and what it takes to fetch one: an addition to one of several
// lines, on one core and on two (-cpu 1,2).
func BenchmarkPlace(b *testing.B) {
	type line struct {
		n atomic.Uint64
		_ [120]byte
	}
	for _, by := range []struct {
		name   string
		choose func(seat uint32, n int) int
	}{
		{"a seat that the call has", window.Place},
		{"a seat fetched for it", func(_ uint32, n int) int { return window.Place(window.NoSeat, n) }},
		{"a random number", func(_ uint32, n int) int { return window.Place(rand.Uint32(), n) }},
		{"nothing: one line for all", func(uint32, int) int { return 0 }},
	} {
		b.Run(by.name, func(b *testing.B) {
			lines := make([]line, window.Stripes(64))
			b.RunParallel(func(pb *testing.PB) {
				for seat := window.Seat(); pb.Next(); {
					lines[by.choose(seat, len(lines))].n.Add(1)
				}
			})
		})
	}
}

func BenchmarkHistogramRecord(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		var h window.Histogram
		b.ReportAllocs()
		for b.Loop() {
			h.Record(time.Millisecond, window.NoSeat)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var h window.Histogram
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				h.Record(time.Millisecond, window.NoSeat)
			}
		})
	})
}

func BenchmarkRing(b *testing.B) {
	setup := func() (*window.Counters, *window.Times, *window.Ring) {
		var c window.Counters
		var times window.Times
		r := window.NewRing(10*time.Second, 10, 0, &c, &times)
		for i := range 20 {
			r.Advance(time.Duration(i) * time.Second)
			c.Add(i%window.Kinds, window.NoSeat)
			times.Record(time.Duration(i)*time.Millisecond, window.NoSeat)
		}
		return &c, &times, r
	}
	b.Run("Advance in a bucket", func(b *testing.B) {
		_, _, r := setup()
		b.ReportAllocs()
		for b.Loop() {
			r.Advance(19 * time.Second)
		}
	})
	b.Run("Advance over a boundary", func(b *testing.B) {
		c, times, r := setup()
		now := 20 * time.Second
		b.ReportAllocs()
		for b.Loop() {
			now += time.Second
			r.Advance(now)
			c.Add(0, window.NoSeat)
			times.Record(time.Millisecond, window.NoSeat)
		}
	})
	b.Run("Sums", func(b *testing.B) {
		_, _, r := setup()
		b.ReportAllocs()
		for b.Loop() {
			r.Sums(19 * time.Second)
		}
	})
	b.Run("SumsSince", func(b *testing.B) {
		c, _, r := setup()
		base := c.Sums()
		b.ReportAllocs()
		for b.Loop() {
			r.SumsSince(19*time.Second, base)
		}
	})
	b.Run("Dists", func(b *testing.B) {
		_, _, r := setup()
		b.ReportAllocs()
		for b.Loop() {
			r.Dists(19 * time.Second)
		}
	})
	b.Run("settle", func(b *testing.B) {
		c, times, r := setup()
		b.ReportAllocs()
		for b.Loop() {
			r.Advance(19 * time.Second)
			c.Add(0, window.NoSeat)
			times.Record(time.Millisecond, window.NoSeat)
		}
	})
	b.Run("settle, parallel", func(b *testing.B) {
		c, times, r := setup()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Advance(19 * time.Second)
				c.Add(0, window.NoSeat)
				times.Record(time.Millisecond, window.NoSeat)
			}
		})
	})
}

func BenchmarkDistPercentile(b *testing.B) {
	var h window.Histogram
	for i := range 10_000 {
		h.Record(time.Duration(i)*time.Microsecond, window.NoSeat)
	}
	d := h.Snapshot()
	for b.Loop() {
		d.Percentile(99.9)
	}
}

func BenchmarkLastAdd(b *testing.B) {
	l := window.NewLast(100)
	for b.Loop() {
		l.Add(1)
	}
}
