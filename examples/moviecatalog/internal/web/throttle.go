package web

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Throttle passes each distinct line to next at most once in every. A sick service under
// load would otherwise write thousands of equal lines; how many were left out is told
// with the next one that is not. Lines are equal if they differ in nothing but measured
// times and the ports of connections.
func Throttle(next slog.Handler, every time.Duration) slog.Handler {
	return &throttle{Handler: next, every: every, seen: &seen{last: map[string]*line{}}}
}

type throttle struct {
	slog.Handler

	every time.Duration
	seen  *seen
	scope string // the attributes put on by With, so that services do not mute each other
}

type seen struct {
	mu   sync.Mutex
	last map[string]*line
}

type line struct {
	at   time.Time
	left int
}

// maxLines bounds the memory; beyond it, all is forgotten and starts anew.
const maxLines = 1000

func (t *throttle) Handle(ctx context.Context, r slog.Record) error {
	left, ok := t.seen.due(t.key(r), r.Time, t.every)
	if !ok {
		return nil
	}
	if left > 0 {
		r.AddAttrs(slog.Int("leftOut", left))
	}
	return t.Handler.Handle(ctx, r)
}

// noise is what differs in the causes of equal lines: "in 4.8s", "127.0.0.1:51362->".
var noise = regexp.MustCompile(`\d+(\.\d+)?(ns|µs|ms|s|m|h)\b|:\d+->`)

func (t *throttle) key(r slog.Record) string {
	var b strings.Builder
	b.WriteString(t.scope)
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() != slog.KindDuration {
			b.WriteByte(' ')
			b.WriteString(a.Key)
			b.WriteByte('=')
			b.WriteString(noise.ReplaceAllString(a.Value.String(), "#"))
		}
		return true
	})
	return b.String()
}

func (t *throttle) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *t
	c.Handler = t.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		c.scope += a.String() + " "
	}
	return &c
}

func (t *throttle) WithGroup(name string) slog.Handler {
	c := *t
	c.Handler = t.Handler.WithGroup(name)
	return &c
}

func (s *seen) due(key string, now time.Time, every time.Duration) (left int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.last[key]
	if l == nil {
		if len(s.last) >= maxLines {
			clear(s.last)
		}
		s.last[key] = &line{at: now}
		return 0, true
	}
	if now.Sub(l.at) < every {
		l.left++
		return 0, false
	}
	left, l.at, l.left = l.left, now, 0
	return left, true
}
