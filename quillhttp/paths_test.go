//nolint:bodyclose // finish closes bodies, or the test itself; a refused request has none
package quillhttp

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-f7c3343e/quill"
)

// path is one way that a round trip can go, drawn from a fuzzer's bytes.
type path struct {
	circuit  byte // its state
	perHost  bool
	method   byte
	upload   byte // the request's body
	base     byte // what the RoundTripper below does
	status   int
	named    bool // to FailureOn
	duplex   bool
	download byte // what becomes of the response's body
	closes   byte // how often the caller closes it: 1 to 3
}

const (
	asItIs byte = iota
	forcedOpen
	full
	callerGone
	circuits
)

const (
	noUpload byte = iota
	emptyUpload
	inMemory
	streamed
	unreadable
	uploads
)

const (
	answers byte = iota
	errs
	panics
	goexits
	neither
	both
	bodyless
	bases
)

const (
	readToEnd byte = iota
	halfRead
	notRead
	breaksOff
	cancelled
	downloads
)

const head = 2

func newPath(b []byte) path {
	at := func(i int) byte {
		if i < len(b) {
			return b[i]
		}
		return 0
	}
	return path{
		circuit: at(0) % circuits, perHost: at(0)&64 != 0, method: at(1) % 3, upload: at(2) % uploads,
		base: at(3) % bases, status: 200 + int(at(4))*2%400, duplex: at(5)&1 != 0, named: at(5)&2 != 0,
		download: at(6) % downloads, closes: 1 + at(7)%3,
	}
}

// FuzzRoundTripPaths requires of every path (N1): the request's body is closed exactly
// once, the response's body is closed as often as its caller closes it and no more, the
// call ends exactly once, with the outcome that the path should have, and nothing is left
// under way.
func FuzzRoundTripPaths(f *testing.F) {
	for c := range circuits {
		f.Add([]byte{c, 1, 3, 0, 0, 0, 0, 1})
	}
	for base := range bases {
		for up := range uploads {
			f.Add([]byte{64, 1, up, base, 150, 0, 0, 0})
		}
	}
	for down := range downloads {
		f.Add([]byte{0, 0, 0, 0, 0, down & 1, down, 2})
		f.Add([]byte{0, 2, 0, 0, 102, 0, down, 1})
	}
	f.Fuzz(func(t *testing.T, b []byte) { newPath(b).walk(t) })
}

func (p path) walk(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tr, c := p.transport(t, p.baseTrip())
	if p.named {
		tr = tr.FailureOn(p.status)
	}
	if p.circuit == callerGone {
		cancel()
	}
	held := 0
	if p.circuit == full {
		held = 1
		call, err := c.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = call.End(nil) }()
	}
	down := &tracked{}
	up, req := p.request(context.WithValue(ctx, downKey{}, down), t)

	resp, err, returned := trip(tr, req)
	if returned && (resp == nil) == (err == nil) {
		t.Fatalf("%+v: response %v and error %v", p, resp, err)
	}
	if resp != nil {
		p.consume(t, resp, cancel)
	}
	s := c.Stats()
	if s.InFlight != held || s.Queued != 0 || s.Total.Total() != 1 || s.Total.Of(p.outcome()) != 1 {
		t.Fatalf("%+v: want one %s, have %+v and %d in flight", p, p.outcome(), s.Total, s.InFlight)
	}
	if p.perHost && tr.hosts.byName["http://a"].calls != 0 {
		t.Fatalf("%+v: the host is held", p)
	}
	if up != nil && up.closed.Load() != 1 {
		t.Fatalf("%+v: the request's body was closed %d times", p, up.closed.Load())
	}
	closes := int32(1) // a response that nobody gets is closed for its caller
	if resp != nil {
		closes = int32(p.closes)
	}
	if down.Reader != nil && down.closed.Load() != closes {
		t.Fatalf("%+v: the response's body was closed %d times", p, down.closed.Load())
	}
}

type downKey struct{}

// transport makes one, and the circuit that it uses.
func (p path) transport(t *testing.T, base http.RoundTripper) (*Transport, *quill.Circuit) {
	t.Helper()
	s := quill.Settings{MaxConcurrent: 1, Timeout: quill.NoTimeout}
	if p.circuit == forcedOpen {
		s.Override = quill.ForceOpen
	}
	if !p.perHost {
		c := quill.NewCircuit("c", s, quill.WithRegistry(quill.NewRegistry()))
		return New(c, base), c
	}
	tr := PerHost(Hosts{Registry: quill.NewRegistry(), Settings: s}, base)
	o, c, err := tr.hosts.enter("http://a")
	if err != nil {
		t.Fatal(err)
	}
	tr.hosts.leave(o)
	return tr, c
}

func (p path) request(ctx context.Context, t *testing.T) (*tracked, *http.Request) {
	t.Helper()
	var up *tracked
	var body io.Reader
	switch p.upload {
	case emptyUpload:
		body = http.NoBody
	case inMemory:
		body = strings.NewReader("in memory")
	case streamed:
		up = newTracked("streamed")
		body = up
	case unreadable:
		up = broken("some")
		body = up
	}
	req, err := http.NewRequestWithContext(ctx, []string{"GET", "POST", "HEAD"}[p.method], "http://a/", body)
	if err != nil {
		t.Fatal(err)
	}
	if p.upload == inMemory {
		up = &tracked{Reader: req.Body}
		req.Body = up // GetBody stays
	}
	return up, req
}

// baseTrip is a RoundTripper that does what the path says and keeps the contract about
// the request's body.
func (p path) baseTrip() roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			defer func() { _ = r.Body.Close() }()
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
		}
		down, _ := r.Context().Value(downKey{}).(*tracked)
		give := func() *http.Response {
			down.Reader = p.text(r.Context())
			if p.duplex {
				return respond(r, p.status, struct {
					*tracked
					io.Writer
				}{down, io.Discard})
			}
			return respond(r, p.status, down)
		}
		switch p.base {
		case errs:
			return nil, errBroken
		case panics:
			panic(errBroken)
		case goexits:
			runtime.Goexit()
		case neither:
			return nil, nil
		case both:
			return give(), errBroken
		case bodyless:
			return respond(r, p.status, http.NoBody), nil
		}
		return give(), nil
	}
}

// text is the response's body: one that breaks off, one that lasts until it is cancelled,
// or one that is whole.
func (p path) text(ctx context.Context) io.Reader {
	switch p.download {
	case breaksOff:
		return broken("some")
	case cancelled:
		return io.MultiReader(strings.NewReader("some"), untilDone{ctx})
	}
	return strings.NewReader(strings.Repeat("text", 100))
}

type untilDone struct{ ctx context.Context } //nolint:containedctx // Read takes none

func (u untilDone) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, context.Cause(u.ctx)
}

// trip makes the round trip where it may panic or end its goroutine.
func trip(tr *Transport, req *http.Request) (resp *http.Response, err error, returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		resp, err = tr.RoundTrip(req)
		returned = true
	}()
	<-done
	return resp, err, returned
}

func (p path) consume(t *testing.T, resp *http.Response, cancel context.CancelFunc) {
	t.Helper()
	if _, ok := resp.Body.(io.Writer); resp.Body != http.NoBody && ok != p.duplex && p.method != head {
		t.Fatalf("%+v: a writer: %v", p, ok)
	}
	if p.method != head { // a HEAD has no body to read
		switch p.download {
		case readToEnd, breaksOff:
			_, _ = io.ReadAll(resp.Body)
		case halfRead:
			_, _ = resp.Body.Read(make([]byte, 3))
		case cancelled:
			_, _ = io.ReadFull(resp.Body, make([]byte, 4))
			if p.base == answers {
				cancel()
			}
			_, _ = io.ReadAll(resp.Body)
		}
	}
	for range p.closes {
		_ = resp.Body.Close()
	}
}

// outcome is what the path should count as.
func (p path) outcome() quill.Outcome {
	switch p.circuit {
	case forcedOpen:
		return quill.ShortCircuited
	case full:
		return quill.Rejected
	case callerGone:
		return quill.Canceled
	}
	byStatus := quill.Success
	switch {
	case p.named, p.status >= 500, p.status == 408, p.status == 429:
		byStatus = quill.Failure
	case p.status >= 400:
		byStatus = quill.Ignored
	}
	switch {
	case p.upload == unreadable:
		return quill.Ignored // by whoever was to send it
	case p.base >= errs && p.base <= both:
		return quill.Failure
	case p.base == bodyless, p.method == head:
		return byStatus
	case p.download == breaksOff:
		return quill.Failure
	case p.download == cancelled:
		return quill.Canceled
	}
	return byStatus
}

func TestN01EveryPathIsWalked(t *testing.T) {
	if testing.Short() {
		t.Skip("walks some thousand paths")
	}
	for c := range circuits {
		for up := range uploads {
			for base := range bases {
				for down := range downloads {
					for _, status := range []byte{0, 50, 102, 104, 150} { // 200 300 404 408 500
						for m := range byte(3) {
							newPath([]byte{c | (down&1)<<6, m, up, base, status, up & 3, down, m}).walk(t)
						}
					}
				}
			}
		}
	}
}
