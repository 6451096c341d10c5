package quillslog_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillslog"
)

var errSick = errors.New("the dependency is sick")

type key struct{}

// withUser is a handler that takes something from the context, as those for traces do.
type withUser struct{ slog.Handler }

func (h withUser) Handle(ctx context.Context, r slog.Record) error {
	if user, ok := ctx.Value(key{}).(string); ok {
		r.Add("user", user)
	}
	return h.Handler.Handle(ctx, r)
}

// story plays what can happen to a circuit, and returns the lines of a log of that level.
func story(t *testing.T, level slog.Level, isolation quill.Isolation) []string {
	t.Helper()
	var text bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(withUser{slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level})})
		c, err := quill.NewRegistry().Circuit("dep",
			quill.Settings{Isolation: isolation, RequestVolumeThreshold: 2, MaxConcurrent: 1, SleepWindow: time.Second},
			quill.WithHooks(quillslog.Hooks(log)))
		require.NoError(t, err)
		ctx := context.WithValue(t.Context(), key{}, "alice")
		call := func(err error) {
			_, _ = quill.Do(ctx, c, func(context.Context) (int, error) { return 0, err })
			synctest.Wait() // what is told on another goroutine is told before what comes next
		}
		call(nil)
		call(quill.Ignore(errSick))
		call(errSick)
		call(nil) // refused
		time.Sleep(time.Second)
		call(errSick) // a probe
		time.Sleep(time.Second)
		call(nil) // a probe
		require.Equal(t, quill.Closed, c.State())
		require.NoError(t, c.Override(quill.ForceOpen, 0, "maintenance"))
		synctest.Wait()
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		synctest.Wait()
		s := c.Settings()
		s.RollingWindow = time.Minute
		require.NoError(t, c.Configure(s))
		synctest.Wait()
		func() {
			defer func() { _ = recover() }()
			_, _ = quill.Do(ctx, c, func(context.Context) (int, error) { panic("a bug") })
		}()
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
	})
	return strings.Split(strings.TrimSpace(text.String()), "\n")
}

// heads are level and message of lines.
func heads(lines []string) (all []string) {
	for _, l := range lines {
		_, l, _ = strings.Cut(l, "level=")
		l, _, _ = strings.Cut(l, " circuit=")
		all = append(all, strings.NewReplacer(`msg=`, "", `"`, "").Replace(l))
	}
	return all
}

func TestLevelsMakeSense(t *testing.T) {
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		quiet := []string{
			"WARN circuit opened",
			"WARN circuit opened",
			"INFO circuit closed",
			"WARN circuit forced open",
			"INFO circuit changed",
			"INFO circuit changed",
			"ERROR call panicked",
		}
		require.Equal(t, quiet, heads(story(t, slog.LevelInfo, isolation)))
		require.ElementsMatch(t, append(quiet,
			"DEBUG call failed",
			"DEBUG call refused",
			"DEBUG circuit half-open", "DEBUG probe ended",
			"DEBUG circuit half-open", "DEBUG probe ended",
		), heads(story(t, slog.LevelDebug, isolation)))
	}
}

func TestLinesTellWhatHappened(t *testing.T) {
	all := strings.Join(story(t, slog.LevelDebug, quill.Pool), "\n")
	for _, part := range []string{
		`msg="circuit opened" circuit=dep state=open reason="opened for 1s: 1 of 2 calls failed (50 %, threshold 50 %) in the last 10s" health.requests=2 health.errors=1 health.rejected=0 health.errorPercent=50 health.slow=0`,
		`msg="call failed" circuit=dep outcome=failure state=closed total=0s error="the dependency is sick" user=alice`,
		`msg="call refused" circuit=dep outcome=short-circuited state=open total=0s error="circuit open" user=alice`,
		`msg="probe ended" circuit=dep outcome=success state=half-open`,
		`msg="circuit forced open" circuit=dep state=closed reason="override forced-open: maintenance" override=forced-open`,
		`msg="call panicked" circuit=dep outcome=failure state=closed total=0s value="a bug" stack="`,
	} {
		require.Contains(t, all, part)
	}
}

func TestPanicsThatNobodyCatchesAreErrors(t *testing.T) {
	var text bytes.Buffer
	hooks := quillslog.Hooks(slog.New(slog.NewTextHandler(&text, nil)))
	hooks.OnPanic(&quill.PanicError{Command: "dep", Value: "a bug", Stack: []byte("main.go:1")})
	require.Contains(t, text.String(), `level=ERROR msg="panic without a caller" circuit=dep value="a bug" stack=main.go:1`)
}

func TestGoexitIsAnError(t *testing.T) {
	var text bytes.Buffer
	c, err := quill.NewRegistry().Circuit("dep", quill.WithHooks(quillslog.Hooks(slog.New(slog.NewTextHandler(&text, nil)))))
	require.NoError(t, err)
	_, err = quill.Do(t.Context(), c, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
	require.ErrorIs(t, err, quill.ErrGoexit)
	require.Contains(t, text.String(), `level=ERROR msg="call panicked"`)
}

func TestNilLoggerIsTheDefaultOneAtEachLine(t *testing.T) {
	hooks := quillslog.Hooks(nil)
	before := slog.Default()
	defer slog.SetDefault(before)
	var text bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	hooks.OnTransition(quill.Transition{Command: "dep", From: quill.Closed, To: quill.Open, Reason: "why"})
	require.Contains(t, text.String(), `msg="circuit opened" circuit=dep state=open reason=why`)
}

func TestOverridesThatLetCallsThroughAreNoWarning(t *testing.T) {
	var text bytes.Buffer
	hooks := quillslog.Hooks(slog.New(slog.NewTextHandler(&text, nil)))
	hooks.OnTransition(quill.Transition{Command: "dep", Override: quill.ForceClosed, Reason: "why"})
	require.Contains(t, text.String(), `level=INFO msg="circuit override" circuit=dep state=closed reason=why override=forced-closed`)
}

func TestCallsBelowTheLevelAllocateNothing(t *testing.T) {
	hooks := quillslog.Hooks(slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)))
	e := quill.CallEvent{Command: "dep", Outcome: quill.ShortCircuited, Err: quill.ErrOpen}
	require.Zero(t, testing.AllocsPerRun(100, func() { hooks.OnCall(context.Background(), e) }))
}

func TestLinesTellWhoAnsweredAndWhatCameTooLate(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	quillslog.Hooks(log).OnCall(t.Context(), quill.CallEvent{
		Command: "dep", Outcome: quill.Timeout, Err: quill.ErrTimeout, Step: "replica", Late: true, Total: time.Second,
	})
	require.Contains(t, text.String(), `msg="call failed" circuit=dep outcome=timeout state=closed total=1s error=timeout fallback=replica late=true`)
}

// unreadable is an error whose Error method works while another of its methods panics.
type unreadable struct{}

func (unreadable) Error() string { return "unreadable" }
func (unreadable) Unwrap() error { panic("a bug") }

// TestErrorsWhoseMethodsPanicAreLogged: a nil pointer that is returned as an error ends no call
// by a panic, not below the level of the line either.
func TestErrorsWhoseMethodsPanicAreLogged(t *testing.T) {
	for want, sick := range map[string]error{
		`error="an error of type *fs.PathError whose Error method panics"`:     (*fs.PathError)(nil),
		`error="an error of type *quill.PanicError whose Error method panics"`: (*quill.PanicError)(nil),
		`error="an error of type *errors.joinError whose Error method panics"`: errors.Join((*fs.PathError)(nil), errSick),
		`error=unreadable`: unreadable{},
	} {
		for level, line := range map[slog.Level]string{slog.LevelDebug: `level=DEBUG msg="call failed"`, slog.LevelInfo: ""} {
			var text bytes.Buffer
			log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level}))
			c, err := quill.NewRegistry().Circuit("dep", quill.WithHooks(quillslog.Hooks(log)), quill.WithColdPool())
			require.NoError(t, err)
			require.NotPanics(t, func() {
				_, err = quill.Do(t.Context(), c, func(context.Context) (int, error) { return 0, sick })
			}, want)
			require.True(t, err == sick, "the caller gets it as it is: %T", err) //nolint:testifylint // its methods panic
			require.EqualValues(t, 1, c.Stats().Total.Failure)
			if line == "" {
				require.Empty(t, text.String(), want)
				continue
			}
			require.Contains(t, text.String(), line)
			require.Contains(t, text.String(), want)
		}
	}
}
