package quillstream

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// The defaults and bounds of [AggregatorSettings].
const (
	DefaultSilence    = 10 * time.Second
	DefaultMaxMessage = 256 << 10
	// MaxUpstreams is how many streams one aggregator reads at most.
	MaxUpstreams = 500
	// MaxSubjects is how many commands and pools of one upstream are summed at most.
	MaxSubjects = 10_000

	minSilence    = 100 * time.Millisecond
	maxSilence    = 10 * time.Minute
	minMaxMessage = 1 << 10
	maxMaxMessage = 16 << 20
)

// Upstream is a stream that an [Aggregator] reads: a [Stream], a hystrix.stream of a Java
// service, or another aggregator's.
type Upstream struct {
	// Name is what the upstream is called in [UpstreamStatus]; by default host and port
	// of URL. No two upstreams may have the same name.
	Name string
	// URL is where it is: http or https, with whatever query it wants.
	URL string
	// Header is sent along, such as Authorization. It is never shown.
	Header http.Header
}

// AggregatorSettings say what is summed, and how the sum is served. Only Upstreams must be
// given.
type AggregatorSettings struct {
	// Upstreams are the streams, 1 to 500. Nothing else is ever fetched: neither what a
	// request names nor where an upstream redirects to.
	Upstreams []Upstream
	// Silence is how long an upstream may say nothing of a command or pool before its part
	// leaves the sum, and how long it may send nothing at all before it is asked again: 100ms
	// to 10m, default 10s. It must be longer than the interval of the upstreams.
	Silence time.Duration
	// MaxMessage is how many bytes one message of an upstream may have: 1 KiB to 16 MiB,
	// default 256 KiB. An upstream that sends a longer one is asked again.
	MaxMessage int
	// Client fetches the upstreams; by default one of the aggregator's own. Its Timeout
	// and CheckRedirect are not used.
	Client *http.Client
	// Stream says how the sum is served. Group is not used.
	Stream StreamSettings
}

// Validate returns nil, or an error that names everything that is wrong.
func (s AggregatorSettings) Validate() error {
	s = s.withDefaults()
	var errs []error
	if n := len(s.Upstreams); n < 1 || n > MaxUpstreams {
		return fmt.Errorf("quillstream: there are %d Upstreams: must be 1 to %d", n, MaxUpstreams)
	}
	names := map[string]bool{}
	for i, u := range s.Upstreams {
		if err := u.validate(); err != nil {
			errs = append(errs, fmt.Errorf("quillstream: upstream %d: %w", i+1, err))
		}
		if name := u.name(); names[name] {
			errs = append(errs, fmt.Errorf("quillstream: two upstreams are called %q: give one of them another Name", name))
		}
		names[u.name()] = u.name() != ""
	}
	if s.Silence < minSilence || s.Silence > maxSilence {
		errs = append(errs, fmt.Errorf("quillstream: Silence is %s: must be 100ms to 10m", s.Silence))
	}
	if s.MaxMessage < minMaxMessage || s.MaxMessage > maxMaxMessage {
		errs = append(errs, fmt.Errorf("quillstream: MaxMessage is %d: must be %d to %d", s.MaxMessage, minMaxMessage, maxMaxMessage))
	}
	return errors.Join(append(errs, s.Stream.Validate())...)
}

func (s AggregatorSettings) withDefaults() AggregatorSettings {
	s.Silence = cmp.Or(s.Silence, DefaultSilence)
	s.MaxMessage = cmp.Or(s.MaxMessage, DefaultMaxMessage)
	s.Stream = s.Stream.withDefaults()
	return s
}

func (u Upstream) validate() error {
	at, err := url.Parse(u.URL)
	if err != nil {
		return errors.New("the URL cannot be read: must be http://HOST/PATH or https://HOST/PATH") // it may hold a password
	}
	if at.Scheme != "http" && at.Scheme != "https" || at.Hostname() == "" {
		return fmt.Errorf("the URL is %q: must be http://HOST/PATH or https://HOST/PATH", at.Redacted())
	}
	return nil
}

func (u Upstream) name() string {
	if at, err := url.Parse(u.URL); u.Name == "" && err == nil {
		return at.Host
	}
	return u.Name
}

// Aggregator reads several streams and is an http.Handler that serves their sum, as
// Turbine does. It reads from [NewAggregator] to [Aggregator.Close], with a goroutine for
// each upstream; what is wrong with one upstream is never felt by the others. It is safe
// for concurrent use.
//
// The sum has a message for each command and pool that at least one upstream has told of
// within Silence. reportingHosts says how many did. Counts, percentages and latencies are
// sums: Hystrix's dashboard divides all but the counts by reportingHosts. docs/stream.md has the
// rule of each field.
type Aggregator struct {
	feed      *feed
	upstreams []*upstream

	end     context.CancelFunc
	reading sync.WaitGroup
}

// NewAggregator begins to read the upstreams. It does not wait for them: one that cannot
// be reached is tried again and again, first after about half a second and then at longer
// and longer intervals of up to about 30 s. It returns an error, and reads nothing, if the
// settings are not right ([AggregatorSettings.Validate]).
func NewAggregator(s AggregatorSettings) (*Aggregator, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s = s.withDefaults()
	ctx, end := context.WithCancel(context.Background())
	a := &Aggregator{end: end}
	a.feed = newFeed(s.Stream, a.render)
	client := s.client()
	for _, u := range s.Upstreams {
		up := newUpstream(u, s, client)
		a.upstreams = append(a.upstreams, up)
		a.reading.Go(func() { up.run(ctx) })
	}
	return a, nil
}

// ServeHTTP sends the sum as [Stream.ServeHTTP] sends the circuits.
func (a *Aggregator) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.feed.ServeHTTP(w, r) }

// Close ends all streams, refuses further ones, and returns when no upstream is read any
// more. It may be called again.
func (a *Aggregator) Close() {
	a.feed.close()
	a.end()
	a.reading.Wait()
}

// render returns the messages of one tick.
func (a *Aggregator) render() []byte {
	totals := map[subject]*total{}
	for _, u := range a.upstreams {
		for _, p := range u.heard() {
			t := totals[p.subject]
			if t == nil {
				t = newTotal(p.subject)
				totals[p.subject] = t
			}
			t.add(p)
		}
	}
	order := slices.SortedFunc(maps.Keys(totals), func(x, y subject) int {
		return cmp.Or(cmp.Compare(x.typ, y.typ), cmp.Compare(x.name, y.name))
	})
	out := &messages{}
	var data bytes.Buffer
	for _, s := range order {
		data.Reset()
		totals[s].appendJSON(&data)
		out.addData(data.String())
	}
	out.ping()
	return out.Bytes()
}
