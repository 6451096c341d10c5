package quill

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// legal are the transitions of the table in breaker.go, but for resets.
var legal = map[[2]State]bool{
	{Closed, Open}: true, {Open, HalfOpen}: true, {HalfOpen, Open}: true, {HalfOpen, Closed}: true,
}

// tape hands out what the fuzzer wrote.
type tape []byte

func (t *tape) next() byte {
	if len(*t) == 0 {
		return 0
	}
	b := (*t)[0]
	*t = (*t)[1:]
	return b
}

// duration is any that is not negative: 1ns, 290 years, or between.
func (t *tape) duration() time.Duration {
	var b [8]byte
	*t = (*t)[copy(b[:], *t):]
	return time.Duration(binary.LittleEndian.Uint64(b[:]) &^ (1 << 63))
}

// checked is a machine, a clock, and the rules that hold at any length of time.
type checked struct {
	breaker

	t   *testing.T
	r   rules
	now time.Duration
	out []token
}

func (c *checked) moved(before breaker, m change, reset bool) {
	if m.why == unmoved {
		require.Equal(c.t, before.state, c.state)
		require.Equal(c.t, before.epoch, c.epoch)
		return
	}
	require.Equal(c.t, before.state, m.from)
	require.Equal(c.t, c.state, m.to)
	require.Equal(c.t, before.epoch+1, c.epoch, "each change begins an epoch")
	require.True(c.t, reset || legal[[2]State{m.from, m.to}], "%s to %s", m.from, m.to)
	if m.to == Open {
		require.GreaterOrEqual(c.t, c.slept, c.r.sleep, "the sleep window")
		require.GreaterOrEqual(c.t, c.openUntil, c.now, "its end")
	}
}

func (c *checked) step(in *tape) {
	before := c.breaker
	switch op := in.next() % 6; op {
	case 0:
		c.now = addSaturating(c.now, in.duration())
	case 1:
		tok, m, ok := c.admit(c.now, &c.r)
		if m.from == Open && m.to == HalfOpen {
			require.GreaterOrEqual(c.t, c.now, before.openUntil, "nobody is admitted in the sleep window")
		}
		if m.why != probesSucceeded { // as Probes was lowered, which these rules never are
			c.moved(before, m, false)
		}
		if ok {
			require.Equal(c.t, c.epoch, tok.epoch)
			c.out = append(c.out, tok)
		}
	case 2, 3:
		c.settle(in, before)
	case 4:
		n := tally{requests: uint64(in.next()), errors: uint64(in.next()), slow: uint64(in.next())}
		c.moved(before, c.judge(c.now, &c.r, n, float64(in.next())/255, in.duration()), false)
	case 5:
		c.moved(before, c.reset(), true)
	}
	require.GreaterOrEqual(c.t, c.retryAfter(c.now), time.Duration(0))
	require.LessOrEqual(c.t, c.succeeded+c.probesOut(c.now), c.r.probes)
	require.False(c.t, c.state != HalfOpen && len(c.probes) > 0, "probes in state %s", c.state)
}

func (c *checked) settle(in *tape, before breaker) {
	if len(c.out) == 0 {
		return
	}
	i := int(in.next()) % len(c.out)
	tok := c.out[i]
	c.out = append(c.out[:i], c.out[i+1:]...)
	if tok.probe == 0 {
		return // its result comes by judge
	}
	m, counts := c.settleProbe(c.now, &c.r, tok, resultClass(in.next()%4), float64(in.next())/255, in.duration())
	require.False(c.t, counts && tok.epoch != before.epoch, "a result of an earlier epoch")
	require.False(c.t, !counts && m.why != unmoved, "a result that does not count moves nothing")
	c.moved(before, m, false)
}

// FuzzBreakerMachine holds the machine to its table whatever the lengths of time are.
func FuzzBreakerMachine(f *testing.F) {
	longest := binary.LittleEndian.AppendUint64(nil, math.MaxInt64)
	shortest := binary.LittleEndian.AppendUint64(nil, 1)
	f.Add(longest, []byte{4, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 127, 1, 2, 0, 1})
	f.Add(shortest, []byte{4, 9, 9, 0, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 1, 5})
	f.Fuzz(func(t *testing.T, lengths, steps []byte) {
		in := tape(lengths)
		c := checked{breaker: newBreaker(), t: t, r: rules{
			sleep: max(1, in.duration()), lease: max(1, in.duration()), maxSleep: in.duration(),
			jitter: float64(in.next()) / 255, probes: 1 + int(in.next()%4),
			volume: uint64(in.next() % 8), errorPercent: 1 + float64(in.next()%100), slowPercent: float64(in.next() % 101),
		}}
		if c.r.maxSleep != 0 {
			c.r.maxSleep = max(c.r.maxSleep, c.r.sleep)
		}
		todo := tape(steps)
		for n := 0; len(todo) > 0 && n < 1000; n++ {
			c.step(&todo)
		}
	})
}
