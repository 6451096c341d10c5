package quillstream

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// The defaults and bounds of [StreamSettings].
const (
	// DefaultInterval is Hystrix's.
	DefaultInterval     = 500 * time.Millisecond
	DefaultMaxClients   = 100
	DefaultWriteTimeout = 5 * time.Second

	// MinInterval and MaxInterval bound Interval, and what a client may ask for.
	MinInterval = 100 * time.Millisecond
	MaxInterval = 10 * time.Second

	maxMaxClients   = 10_000
	minWriteTimeout = 10 * time.Millisecond
	maxWriteTimeout = time.Minute
)

// StreamSettings say how a stream is served. The zero value is a stream with the defaults,
// open to everybody who reaches the handler.
type StreamSettings struct {
	// Interval is the time between two snapshots: 100ms to 10s, default 500ms. A client
	// may ask for fewer with the query parameter "delay" in milliseconds, as in Hystrix;
	// what is below Interval or above 10s counts as that.
	Interval time.Duration
	// MaxClients is how many may read at once: 1 to 10,000, default 100. Others get 503
	// and a sentence.
	MaxClients int
	// WriteTimeout is how long a client may take to accept one snapshot before it is cut
	// off: 10ms to 1m, default 5s. It stands in for http.Server.WriteTimeout, which would
	// end every stream.
	WriteTimeout time.Duration
	// Authorize decides who may read: nil lets everybody, an error is answered with 403 and
	// its text. It runs on the request's goroutine before anything else; by default
	// everybody may. An answer of another kind (401, a redirect) is the business of a
	// handler around this one.
	Authorize func(*http.Request) error
	// Group names the group of a command, Hystrix's group key; by default it is the name
	// of the command's bulkhead. It is called for each command on each snapshot and must
	// be quick. If it panics, the default is used. An [Aggregator] does not use it.
	Group func(command string) string
}

// Validate returns nil, or an error that names every field that is out of range.
func (s StreamSettings) Validate() error {
	s = s.withDefaults()
	var errs []error
	if s.Interval < MinInterval || s.Interval > MaxInterval {
		errs = append(errs, fmt.Errorf("quillstream: Interval is %s: must be 100ms to 10s", s.Interval))
	}
	if s.MaxClients < 1 || s.MaxClients > maxMaxClients {
		errs = append(errs, fmt.Errorf("quillstream: MaxClients is %d: must be 1 to 10,000", s.MaxClients))
	}
	if s.WriteTimeout < minWriteTimeout || s.WriteTimeout > maxWriteTimeout {
		errs = append(errs, fmt.Errorf("quillstream: WriteTimeout is %s: must be 10ms to 1m", s.WriteTimeout))
	}
	return errors.Join(errs...)
}

func (s StreamSettings) withDefaults() StreamSettings {
	if s.Interval == 0 {
		s.Interval = DefaultInterval
	}
	if s.MaxClients == 0 {
		s.MaxClients = DefaultMaxClients
	}
	if s.WriteTimeout == 0 {
		s.WriteTimeout = DefaultWriteTimeout
	}
	return s
}

// Stream is an http.Handler that serves hystrix.stream over the circuits of a registry:
// those that are there at each tick, from before their first call on. It is safe for
// concurrent use. Without a client it has no goroutine.
//
// A stream does not end by itself. When its http.Server is shut down, the handler ends the
// streams of that server, so that Shutdown need not wait for them; [Stream.Close] ends
// them all.
type Stream struct {
	feed *feed
}

// NewStream returns a stream of the registry's circuits; a nil registry means
// [quill.DefaultRegistry]. It panics if the settings are out of range
// ([StreamSettings.Validate]).
func NewStream(registry *quill.Registry, s StreamSettings) *Stream {
	if err := s.Validate(); err != nil {
		panic(err.Error())
	}
	if registry == nil {
		registry = quill.DefaultRegistry
	}
	s = s.withDefaults()
	snap := &snapshots{registry: registry, group: s.Group, tick: s.Interval}
	return &Stream{feed: newFeed(s, snap.render)}
}

// ServeHTTP sends the stream until the client goes, the server shuts down, or Close. It answers
// 403 if Authorize refuses, 503 if there are too many clients or the stream is closed, 400 for a
// delay that is not a number, 405 for methods other than GET and HEAD, and 500 if the
// ResponseWriter cannot stream.
func (s *Stream) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.feed.ServeHTTP(w, r) }

// Close ends all streams and refuses further ones. It does not block, and may be called
// again.
func (s *Stream) Close() { s.feed.close() }
