package quill_test

import (
	"testing"

	"github.com/seed-f7c3343e/quill"
)

// BenchmarkShadow is what a candidate costs a call, beside a call without one.
func BenchmarkShadow(b *testing.B) {
	for _, isolation := range []quill.Isolation{quill.Semaphore, quill.Pool} {
		b.Run(isolation.String()+"/none", func(b *testing.B) { oneByOne(b, benchmarked(b, wide(isolation), succeeds)) })
		b.Run(isolation.String()+"/candidate", func(b *testing.B) {
			c := benchmarked(b, wide(isolation), succeeds)
			if err := c.Circuit().SetShadow(never(isolation)); err != nil {
				b.Fatal(err)
			}
			oneByOne(b, c)
		})
	}
}
