package quillstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/tmaxmax/go-sse"
)

// upstream is one stream that is read, and what it last said.
type upstream struct {
	Upstream

	client     *http.Client
	silence    time.Duration
	maxMessage int
	born       time.Time

	mu     sync.Mutex
	status UpstreamStatus
	last   map[subject]spoken
}

// spoken is the last message about a subject, and when it came.
type spoken struct {
	message *parsed
	at      time.Duration // since born
}

func newUpstream(u Upstream, s AggregatorSettings, client *http.Client) *upstream {
	u.Name, u.Header = u.name(), u.Header.Clone()
	up := &upstream{
		Upstream: u, client: client, silence: s.Silence, maxMessage: s.MaxMessage,
		born: time.Now(), last: map[subject]spoken{},
	}
	up.status = UpstreamStatus{Name: u.Name, URL: redacted(u.URL), State: Connecting}
	return up
}

func redacted(address string) string {
	at, err := url.Parse(address)
	if err != nil {
		return ""
	}
	at.RawQuery, at.Fragment = "", "" // there may be a token in it
	return at.Redacted()
}

// client returns what fetches the upstreams: it follows no redirect, and does not end a
// stream for its age.
func (s AggregatorSettings) client() *http.Client {
	c := http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true, // a connection is for one stream
	}}
	if s.Client != nil {
		c = *s.Client
	}
	c.Timeout = 0
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// run reads the upstream again and again until ctx ends.
func (u *upstream) run(ctx context.Context) {
	pause := &backoff.ExponentialBackOff{
		InitialInterval: backoff.DefaultInitialInterval, MaxInterval: 20 * time.Second, // half as much again at random
		Multiplier: 2, RandomizationFactor: backoff.DefaultRandomizationFactor,
	}
	for ctx.Err() == nil {
		u.set(Connecting, nil)
		before := u.Status().Messages
		err := u.read(ctx)
		if u.Status().Messages > before {
			pause.Reset()
		}
		u.set(Waiting, err)
		again := time.NewTimer(pause.NextBackOff())
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

// errSilent ends the reading of an upstream that sends nothing.
var errSilent = errors.New("the upstream is silent")

// read reads one connection to its end, which is always an error.
func (u *upstream) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(u.silence, func() { cancel(errSilent) })
	defer watch.Stop()
	body, err := u.open(ctx)
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer func() { _ = body.Close() }()
	u.set(Connected, nil)
	awake := readerFunc(func(b []byte) (int, error) {
		n, err := body.Read(b)
		if n > 0 {
			watch.Reset(u.silence)
		}
		return n, err
	})
	for event, err := range sse.Read(awake, &sse.ReadConfig{MaxEventSize: u.maxMessage}) {
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		u.hear([]byte(event.Data))
	}
	return cmp.Or(context.Cause(ctx), errors.New("the upstream has ended the stream"))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// open asks for the stream.
func (u *upstream) open(ctx context.Context) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.URL, http.NoBody)
	if err != nil {
		return nil, err
	}
	for name, values := range u.Header {
		req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := u.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, in which there may be a token
		}
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode != http.StatusOK:
		err = fmt.Errorf("the upstream answered %.100s", res.Status)
	case kind != "text/event-stream":
		err = fmt.Errorf("the upstream answered with %.100q and not with text/event-stream", kind)
	default:
		return res.Body, nil
	}
	_ = res.Body.Close()
	return nil, err
}

// hear takes a message.
func (u *upstream) hear(data []byte) {
	p, err := parse(data)
	u.mu.Lock()
	defer u.mu.Unlock()
	if errors.Is(err, errOtherType) {
		u.status.Messages++
		return
	}
	if err != nil {
		u.status.Bad++
		u.status.LastError = "a message cannot be used: " + err.Error()
		return
	}
	u.status.Messages++
	u.status.LastMessage = time.Now()
	if _, known := u.last[p.subject]; !known && len(u.last) >= MaxSubjects {
		if u.forgetLocked(); len(u.last) >= MaxSubjects {
			u.status.Dropped++
			return
		}
	}
	u.last[p.subject] = spoken{p, time.Since(u.born)}
}

// forgetLocked forgets the messages that are as old as silence.
func (u *upstream) forgetLocked() {
	now := time.Since(u.born)
	maps.DeleteFunc(u.last, func(_ subject, s spoken) bool { return now-s.at >= u.silence })
}

// heard returns what is part of the sum.
func (u *upstream) heard() []*parsed {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgetLocked()
	all := make([]*parsed, 0, len(u.last))
	for _, s := range u.last {
		all = append(all, s.message)
	}
	return all
}
