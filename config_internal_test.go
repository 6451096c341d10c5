package quill

import (
	"math/bits"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCircuitsThatAreMadeWithTheSameSettingsShareWhatFollowsFromThem(t *testing.T) {
	r := NewRegistry()
	circuit := func(name string, s Settings) *Circuit {
		c, err := r.Circuit(name, s)
		require.NoError(t, err)
		return c
	}
	slow := Settings{Timeout: time.Minute, MaxConcurrent: 3}
	a, b := circuit("a", Settings{}), circuit("b", Settings{})
	c, d := circuit("c", slow), circuit("d", slow)
	require.Same(t, a.config.Load().terms, b.config.Load().terms)
	require.Same(t, c.config.Load().terms, d.config.Load().terms)
	require.NotSame(t, a.declared, c.declared)

	full := circuit("full", slow.WithDefaults())
	require.Equal(t, slow.WithDefaults(), full.Declared(), "what was given is told as it was given")
	require.Equal(t, slow, circuit("d2", slow).Declared())
	before := slow.WithDefaults()
	require.NoError(t, c.Configure(Settings{Timeout: time.Hour, ErrorPercentThreshold: 5}))
	require.Equal(t, time.Hour, c.config.Load().timeout)
	require.Equal(t, slow, c.Declared())
	require.Equal(t, slow, d.Settings(), "what one is configured to is its own")
	require.Equal(t, before, d.Stats().Settings)
	require.Equal(t, time.Minute, d.config.Load().timeout)
	require.InDelta(t, 50, d.config.Load().rules.errorPercent, 0)
	require.Equal(t, slow, circuit("e", slow).Settings())
}

// What calls count must not be on a cache line, or on the other one of its pair, with what every call
// reads, be it of the next circuit in memory.
func TestWhatACircuitCountsIsOnLinesOfItsOwn(t *testing.T) {
	if bits.UintSize != 64 {
		t.Skip("the layout is that of 64 bits")
	}
	const pair = 128
	of := reflect.TypeFor[Circuit]()
	counters, _ := of.FieldByName("counters")
	stripe, _ := counters.Type.FieldByName("first")
	written := counters.Offset + stripe.Offset
	require.Equal(t, of.Size(), written+stripe.Type.Size(), "nothing comes after")
	const header = 8 // of what the allocator puts before what holds pointers
	require.Equal(t, 7*pair, int(of.Size()+header), "a size that it has: the next circuit begins with a pair")
	for range 20 {
		c := newCircuit("dep", &options{})
		require.Zero(t, (reflect.ValueOf(c).Pointer()+written)%pair)
	}
}
