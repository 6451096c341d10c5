// Package quillslog writes to a log what circuits do, through log/slog.
//
//	quill.WithHooks(quillslog.Hooks(nil))                    // of one circuit
//	quill.DefaultRegistry.AddHooks(quillslog.Hooks(nil))     // of all
//
// The levels, and the message of each line:
//
//	Error   "call panicked"             work under a circuit panicked or ended its goroutine
//	Error   "panic without a caller"    of work that its caller had left, of a hook, or of a call
//	                                    by Go, which nobody has to wait for
//	Warn    "circuit opened"            also when a probe failed
//	Warn    "circuit forced open"       by an override
//	Info    "circuit closed"            also by Reset
//	Info    "circuit override"          another override
//	Info    "circuit changed"           what else there is: an override ended, a fresh window begun
//	Debug   "circuit half-open"         a probe is let through
//	Debug   "probe ended"               how a probe ended
//	Debug   "call refused"              by the breaker or the bulkhead
//	Debug   "call failed"               failures and timeouts
//
// Successes, ignored and canceled calls are no lines. So an ill dependency is two lines, not
// one for each call; below Debug a call costs one question to the handler.
//
// The line of a transition has its reason as [quill.WithRedact] leaves it. The lines of single
// calls, which are Debug's, and of panics have the error as it is; of one whose Error method
// panics, such as a nil *fs.PathError, they have the type.
package quillslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/seed-f7c3343e/quill"
)

// Hooks returns hooks that write to l; nil means [slog.Default], as it is at each line. They
// may be given to any number of circuits. A handler is called where the hook is: on the
// caller's goroutine for calls (by Go, on one of the library's), on one of the circuit's own for
// transitions.
func Hooks(l *slog.Logger) quill.Hooks {
	h := hooks{l}
	return quill.Hooks{OnCall: h.call, OnTransition: h.transition, OnPanic: h.panicked}
}

type hooks struct{ given *slog.Logger }

func (h hooks) log() *slog.Logger {
	if h.given == nil {
		return slog.Default()
	}
	return h.given
}

func (h hooks) transition(t quill.Transition) {
	level, message := of(t)
	attrs := []slog.Attr{
		slog.String("circuit", t.Command), slog.String("state", t.To.String()), slog.String("reason", t.Reason),
	}
	if t.Override != quill.NoOverride {
		attrs = append(attrs, slog.String("override", t.Override.String()))
	}
	if t.Health.Requests > 0 {
		attrs = append(attrs, slog.Group("health",
			slog.Uint64("requests", t.Health.Requests),
			slog.Uint64("errors", t.Health.Errors),
			slog.Uint64("rejected", t.Health.Rejected),
			slog.Float64("errorPercent", t.Health.ErrorPercent),
			slog.Uint64("slow", t.Health.Slow)))
	}
	h.log().LogAttrs(context.Background(), level, message, attrs...)
}

// of returns how loud a transition is. One between states is told by where it leads; one
// that stays in its state is an override, or its end, or a fresh window.
func of(t quill.Transition) (level slog.Level, message string) {
	switch {
	case t.From != t.To && t.To == quill.Open:
		return slog.LevelWarn, "circuit opened"
	case t.From != t.To && t.To == quill.HalfOpen:
		return slog.LevelDebug, "circuit half-open"
	case t.From != t.To:
		return slog.LevelInfo, "circuit closed"
	case t.Override == quill.ForceOpen:
		return slog.LevelWarn, "circuit forced open"
	case t.Override != quill.NoOverride:
		return slog.LevelInfo, "circuit override"
	}
	return slog.LevelInfo, "circuit changed"
}

func (h hooks) call(ctx context.Context, e quill.CallEvent) {
	var message string
	level := slog.LevelDebug
	p, ended := panicIn(e.Err)
	switch {
	case ended:
		level, message = slog.LevelError, "call panicked"
	case e.Probe:
		message = "probe ended"
	case e.Outcome == quill.ShortCircuited, e.Outcome == quill.Rejected:
		message = "call refused"
	case e.Outcome == quill.Failure, e.Outcome == quill.Timeout:
		message = "call failed"
	default:
		return
	}
	l := h.log()
	if !l.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("circuit", e.Command), slog.String("outcome", e.Outcome.String()),
		slog.String("state", e.State.String()), slog.Duration("total", e.Total),
	}
	if p != nil {
		attrs = append(attrs, slog.Any("value", p.Value), slog.String("stack", string(p.Stack)))
	} else if e.Err != nil {
		attrs = append(attrs, slog.String("error", textOf(e.Err)))
	}
	if e.Step != "" {
		attrs = append(attrs, slog.String("fallback", e.Step))
	}
	if e.Late {
		attrs = append(attrs, slog.Bool("late", true))
	}
	l.LogAttrs(ctx, level, message, attrs...)
}

// panicIn reports whether a call ended by a panic or Goexit, and the panic if its error has it.
// An error whose methods panic, as those of a typed nil pointer do, says neither.
func panicIn(err error) (p *quill.PanicError, ended bool) {
	if err == nil {
		return nil, false
	}
	defer func() {
		if recover() != nil {
			p, ended = nil, false
		}
	}()
	if p, _ = errors.AsType[*quill.PanicError](err); p != nil {
		return p, true
	}
	return nil, errors.Is(err, quill.ErrUnwound) || errors.Is(err, quill.ErrGoexit)
}

// textOf is the text of err, or that it has none.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("an error of type %T whose Error method panics", err)
		}
	}()
	return err.Error()
}

func (h hooks) panicked(p *quill.PanicError) {
	h.log().LogAttrs(context.Background(), slog.LevelError, "panic without a caller",
		slog.String("circuit", p.Command), slog.Any("value", p.Value), slog.String("stack", string(p.Stack)))
}
