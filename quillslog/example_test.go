package quillslog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillslog"
)

func ExampleHooks() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // the time would differ each time
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	told := make(chan struct{})
	getTitle := quill.New("slog-example", func(context.Context, string) (string, error) {
		return "", errors.New("connection refused")
	}, quill.Settings{RequestVolumeThreshold: 2},
		quill.WithHooks(quillslog.Hooks(log)),
		quill.WithHooks(quill.Hooks{OnTransition: func(quill.Transition) { close(told) }}))

	for range 10 { // ten failing calls are one line
		_, _ = getTitle.Do(context.Background(), "550")
	}
	<-told
	// Output:
	// level=WARN msg="circuit opened" circuit=slog-example state=open reason="opened for 5s: 2 of 2 calls failed (100 %, threshold 50 %) in the last 10s" health.requests=2 health.errors=2 health.rejected=0 health.errorPercent=100 health.slow=0
}
