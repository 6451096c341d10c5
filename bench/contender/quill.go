package contender

import (
	"context"

	"github.com/seed-f7c3343e/quill"
)

// Names of the contenders that are ours.
const (
	Semaphore          = "quill Semaphore"
	SemaphoreNoTimeout = "quill Semaphore, no timeout"
	Pool               = "quill Pool"
	PoolNoTimeout      = "quill Pool, no timeout"
)

func quills() []Contender {
	const all = "breaker, limit, timeout, fallback, window, latencies"
	return []Contender{
		{Name: Semaphore, Kind: Quill, Offers: all, Make: ours(quill.Settings{Isolation: quill.Semaphore})},
		{
			Name: SemaphoreNoTimeout, Kind: Quill, Offers: "the same without the timeout",
			Make: ours(quill.Settings{Isolation: quill.Semaphore, Timeout: quill.NoTimeout}),
		},
		{
			Name: Pool, Kind: Quill, Offers: all + "; run on another goroutine, the caller may leave",
			Make: ours(quill.Settings{Isolation: quill.Pool}),
		},
		{
			Name: PoolNoTimeout, Kind: Quill, Offers: "the same without the timeout",
			Make: ours(quill.Settings{Isolation: quill.Pool, Timeout: quill.NoTimeout}),
		},
	}
}

func ours(settings quill.Settings) func(s Setup) (Call, func()) {
	return func(s Setup) (Call, func()) {
		if !fits(settings, s.Case) {
			return nil, nil
		}
		c := quill.New("bench", s.Work, settingsFor(settings, s), quill.WithRegistry(quill.NewRegistry())).
			OrElse(FallbackAnswer)
		for s.Case == Open && c.Circuit().State() != quill.Open {
			_, _ = c.Do(context.Background(), 0)
		}
		if s.Case == Async {
			return func(ctx context.Context, req int) (int, error) { return c.Go(ctx, req).Wait(ctx) }, nil
		}
		return c.Do, nil
	}
}

// fits leaves out what would wait for ever, and stacks that are the caller's own.
func fits(settings quill.Settings, c Case) bool {
	switch c {
	case TimesOut:
		return settings.Timeout != quill.NoTimeout
	case Stuck, Deep:
		return settings.Isolation == quill.Pool && settings.Timeout != quill.NoTimeout
	case Success, MayCancel, Open, Failure, Waits, Async:
	}
	return true
}

func settingsFor(settings quill.Settings, s Setup) quill.Settings {
	settings.MaxConcurrent, settings.RequestVolumeThreshold = s.room(), s.threshold()
	if settings.Timeout == 0 {
		settings.Timeout = s.Timeout // 0 is the default
	}
	switch s.Case {
	case Open:
		settings.RequestVolumeThreshold, settings.SleepWindow = 1, s.sleep()
	case TimesOut, Stuck:
		settings.RequestVolumeThreshold = never
	case Success, MayCancel, Failure, Waits, Async, Deep:
	}
	return settings
}

// QuillCall returns a call through a command with the given settings, for the curves.
func QuillCall(set quill.Settings, w Work) (Call, *quill.Circuit) {
	c := quill.New("bench", w, set, quill.WithRegistry(quill.NewRegistry())).OrElse(FallbackAnswer)
	return c.Do, c.Circuit()
}
