package web

import (
	"context"
	"log/slog"

	"github.com/seed-f7c3343e/quill"
)

// LogHooks returns hooks that write a line for each transition of a circuit, with the
// reason, and for each fallback step that was tried and failed: of an instance that is
// only ever asked second nothing else would be in the log.
func LogHooks(log *slog.Logger) quill.Hooks {
	return quill.Hooks{
		OnTransition: func(t quill.Transition) {
			level := slog.LevelInfo
			if t.To == quill.Open {
				level = slog.LevelWarn
			}
			log.Log(context.Background(), level, "the circuit of "+t.Command+" is "+t.To.String(),
				"from", t.From.String(), "reason", t.Reason)
		},
		OnCall: func(ctx context.Context, e quill.CallEvent) {
			if ctx.Err() != nil {
				return // the asker has left: that nothing helped says nothing
			}
			for _, s := range e.Steps {
				log.Warn("a fallback of "+e.Command+" failed", "fallback", s.Step, "cause", s.Err)
			}
		},
	}
}
