package quillstream

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// BenchmarkSnapshot is what a tick costs with 1,000 circuits, however many clients there are.
func BenchmarkSnapshot(b *testing.B) {
	registry := quill.NewRegistry()
	for n := range 1_000 {
		c := quill.NewCircuit(fmt.Sprintf("command-%04d", n), quill.WithRegistry(registry), quill.Settings{Isolation: quill.Semaphore})
		for range 10 {
			_, _ = quill.Do(b.Context(), c, func(context.Context) (int, error) { return 0, nil })
		}
	}
	s := &snapshots{registry: registry, tick: DefaultInterval}
	for b.Loop() {
		b.SetBytes(int64(len(s.render())))
	}
}

// BenchmarkHear is what one message of an upstream costs.
func BenchmarkHear(b *testing.B) {
	u, data := heardUpstream(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		u.hear(data)
	}
}

// BenchmarkSum is what a tick costs over 10 upstreams of 100 commands.
func BenchmarkSum(b *testing.B) {
	a := &Aggregator{}
	for range 10 {
		u, _ := heardUpstream(b)
		for s, m := range u.last {
			for n := range 100 {
				copied := *m.message
				copied.name = fmt.Sprint(n)
				u.last[subject{s.typ, copied.name}] = spoken{&copied, time.Hour}
			}
		}
		a.upstreams = append(a.upstreams, u)
	}
	for b.Loop() {
		a.render()
	}
}

// heardUpstream has heard of one command.
func heardUpstream(b *testing.B) (*upstream, []byte) {
	b.Helper()
	registry := quill.NewRegistry()
	quill.NewCircuit("c", quill.WithRegistry(registry), quill.Settings{Isolation: quill.Semaphore})
	snap := &snapshots{registry: registry}
	text := string(snap.render())
	data := []byte(text[len("data: ") : len(text)-len("\n\nping: \n\n")])
	s := AggregatorSettings{Upstreams: []Upstream{{URL: "http://a/"}}}.withDefaults()
	u := newUpstream(s.Upstreams[0], s, nil)
	u.hear(data)
	require.EqualValues(b, 1, u.Status().Messages, u.Status().LastError)
	return u, data
}
