package quill_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// bomb makes the user's code panic, or end its goroutine, the nth time that any of it is called:
// run, classifier, redaction, fallback steps, stores, OnCall, the methods of errors and of the
// caller's context.
type bomb struct {
	nth   int32
	exits bool

	armed  atomic.Bool
	ticks  atomic.Int32
	went   atomic.Bool
	asking atomic.Bool // it was a method of the caller's context
}

func (b *bomb) tick() {
	if !b.armed.Load() || b.ticks.Add(1) != b.nth {
		return
	}
	b.went.Store(true)
	if b.exits {
		runtime.Goexit()
	}
	panic("bomb")
}

// mined is a caller's context that ticks where the library itself asks it on the caller's
// goroutine. (Elsewhere a panic would end the process, as it does with any context.)
type mined struct {
	context.Context //nolint:containedctx // it is one

	bomb *bomb
}

func (m mined) Done() <-chan struct{}       { m.asked(); return m.Context.Done() }
func (m mined) Err() error                  { m.asked(); return m.Context.Err() }
func (m mined) Deadline() (time.Time, bool) { m.asked(); return m.Context.Deadline() }

func (m mined) asked() {
	var pcs [40]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for asker := true; ; asker = false {
		frame, more := frames.Next()
		switch {
		case asker && !strings.HasPrefix(frame.Function, "github.com/seed-f7c3343e/quill."):
			return
		case strings.Contains(frame.Function, "quill_test.(*mining)"):
			m.bomb.asking.Store(m.bomb.ticks.Load()+1 == m.bomb.nth)
			m.bomb.tick()
			return
		case !more:
			return
		}
	}
}

type minedError struct{ bomb *bomb }

func (e minedError) Error() string { e.bomb.tick(); return "mined" }
func (e minedError) Unwrap() error { e.bomb.tick(); return errSick }

type minedStore struct{ bomb *bomb }

func (s minedStore) Save(context.Context, int, int) error { s.bomb.tick(); return nil }

func (s minedStore) Last(context.Context, int) (quill.Stored[int], error) {
	s.bomb.tick()
	return quill.Stored[int]{Value: 1}, nil
}

// mining is one call in which the bomb goes off.
type mining struct {
	way, run, leaves, fallback   string
	isolation                    quill.Isolation
	queued, probe, shadow, exits bool
}

func oneOf[T any](i *int, values ...T) T {
	v := values[*i%len(values)]
	*i /= len(values)
	return v
}

// miningOf is the ith of all combinations; false: there are no more.
func miningOf(i int) (m mining, ok bool) {
	m.way = oneOf(&i, "Do", "Answer", "Go", "Begin", "Report")
	m.run = oneOf(&i, "succeeds", "fails", "succeeds late", "fails late", "obeys")
	m.leaves = oneOf(&i, "never", "in the middle", "early", "at a deadline")
	m.fallback = oneOf(&i, "none", "steps", "store")
	m.isolation = oneOf(&i, quill.Pool, quill.Semaphore)
	m.queued, m.probe = oneOf(&i, false, true), oneOf(&i, false, true)
	m.shadow, m.exits = oneOf(&i, false, true), oneOf(&i, false, true)
	return m, i == 0
}

// sensible leaves out what is no other than another one.
func (m *mining) sensible() bool {
	return (!m.queued || !m.probe) &&
		(m.fallback == "none" || m.way != "Begin" && m.way != "Report") &&
		(m.way != "Report" || m.run == "fails" && m.leaves == "never" && !m.queued)
}

func (m *mining) options(b *bomb) []quill.Option {
	options := []quill.Option{
		quill.WithClassifier(func(error) quill.Verdict { b.tick(); return quill.CountFailure }),
		quill.WithRedact(func(err error) string { b.tick(); return err.Error() }),
		quill.WithHooks(quill.Hooks{OnCall: func(ctx context.Context, _ quill.CallEvent) {
			if _, ok := ctx.(mined); ok { // not that of the call that it waits for
				b.tick()
			}
		}}),
	}
	if m.shadow {
		options = append(options, quill.WithShadow(quill.Settings{MaxConcurrent: 1, RequestVolumeThreshold: 2, SleepWindow: time.Millisecond}))
	}
	return options
}

// arrange brings the circuit to where the call finds it, and returns how many calls that took.
func (m *mining) arrange(t *testing.T, c *quill.Circuit) (calls uint64) {
	if m.probe {
		openUp(t, c)
		pass(time.Millisecond)
	}
	if m.queued {
		free := occupy(t, c)
		time.AfterFunc(20*time.Millisecond, free)
		calls = 1
	}
	return calls + c.Stats().Total.Total()
}

func (m *mining) command(c *quill.Circuit, b *bomb) *quill.Command[int, int] {
	command := quill.Bind(c, func(ctx context.Context, _ int) (int, error) {
		b.tick()
		switch m.run {
		case "obeys":
			<-ctx.Done()
			return 0, ctx.Err()
		case "succeeds late", "fails late":
			pass(150 * time.Millisecond)
		}
		if strings.HasPrefix(m.run, "fails") {
			return 0, minedError{b}
		}
		return 7, nil
	})
	switch m.fallback {
	case "steps":
		return command.
			Fallback("fails", func(context.Context, int, error) (int, error) { b.tick(); return 0, minedError{b} }).
			Fallback("answers", func(context.Context, int, error) (int, error) { b.tick(); return 1, nil })
	case "store":
		return command.FallbackLast(minedStore{b})
	}
	return command
}

// callers is the context of the call.
func (m *mining) callers(b *bomb) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	switch m.leaves {
	case "early":
		time.AfterFunc(10*time.Millisecond, cancel)
	case "in the middle":
		time.AfterFunc(60*time.Millisecond, cancel)
	case "at a deadline":
		ctx, cancel = context.WithTimeout(ctx, 60*time.Millisecond)
	}
	return mined{ctx, b}, cancel
}

func (m *mining) call(ctx context.Context, c *quill.Circuit, command *quill.Command[int, int], b *bomb) {
	switch m.way {
	case "Do":
		_, _ = command.Do(ctx, 1)
	case "Answer":
		_, _ = command.Answer(ctx, 1)
	case "Go":
		_, _ = command.Go(ctx, 1).Wait(context.Background())
	case "Report":
		c.Report(ctx, minedError{b}, 70*time.Millisecond)
	case "Begin":
		k, err := c.Begin(ctx)
		if err != nil {
			return
		}
		defer func() { b.armed.Store(false); _, _ = k.End(quill.ErrUnwound) }()
		b.tick()
		_, _ = k.End(minedError{b})
	}
}

// goesOff makes the call, and reports whether the bomb went off in it.
func (m *mining) goesOff(t *testing.T, nth int32) (went bool) {
	inBubble(t, func(t *testing.T) {
		b := &bomb{nth: nth, exits: m.exits}
		c := newTestCircuit(t, quill.Settings{
			Isolation: m.isolation, MaxConcurrent: 1, QueueSize: 1, Timeout: 100 * time.Millisecond,
			SleepWindow: time.Millisecond, SlowCallDuration: 50 * time.Millisecond,
		}, m.options(b)...)
		want := m.arrange(t, c) + 1
		ctx, cancel := m.callers(b)
		defer cancel()
		b.armed.Store(true)
		_, _ = catch(func() { m.call(ctx, c, m.command(c, b), b) })
		b.armed.Store(false)
		pass(time.Hour)
		synctest.Wait()

		what := fmt.Sprintf("%+v, the %d. time", *m, nth)
		s := c.Stats()
		if b.asking.Load() && s.Total.Total() == want-1 {
			want-- // before the call was let in
		}
		require.Equal(t, want, s.Total.Total(), "every call has one outcome: %s", what)
		require.Equal(t, s.TotalExecution.Count(), s.TotalWhole.Count(), "each that had its slot took some time: %s", what)
		require.Zero(t, c.ShadowInFlight(), "the candidate's slots: %s", what)
		require.Equal(t, 1, c.Bulkhead().Stats().MaxConcurrent, what)
		if !slices.Contains([]int{s.InFlight, s.Queued, s.Abandoned, s.Probes, s.FallbacksInFlight}, 1) {
			requireNothingHeld(t, c)
		} else {
			require.Fail(t, "something is held", "%s: %+v", what, s)
		}
		went = b.went.Load()
	})
	return went
}

func TestA03NothingIsLeftOverWhateverOfTheUsersCodePanics(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 17
	}
	went := 0
	for i := 0; ; i += step {
		m, ok := miningOf(i)
		if !ok {
			break
		}
		for nth := int32(1); m.sensible() && m.goesOff(t, nth); nth++ {
			went++
		}
	}
	require.Greater(t, went, 20_000/step)
}
