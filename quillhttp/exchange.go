package quillhttp

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/seed-f7c3343e/quill"
)

// exchange is one call from its admission to the end of its response's body.
type exchange struct {
	call    *quill.Call
	hosts   *hosts // nil with a circuit given by the user
	host    *host  // nil if the circuit is not one of hosts' own
	verdict error  // what the status says of the call, as End takes it
	failed  bool   // whether that is a failure
	ended   atomic.Bool
}

// end ends the call if it has not ended yet. The error is not nil if the call ended by its
// deadline or by its caller: then the caller must be told so, whatever else it got.
func (x *exchange) end(err error) error {
	if !x.ended.CompareAndSwap(false, true) {
		return nil
	}
	defer x.leave()
	outcome, told := x.call.End(err)
	if outcome == quill.Timeout || outcome == quill.Canceled {
		return told
	}
	return nil
}

// leave gives the host's circuit back to where it may be evicted.
func (x *exchange) leave() {
	if x.host != nil {
		x.hosts.leave(x.host)
	}
}

// answer takes the response of a call, which has been judged. Its body, if it has one, ends
// the call.
func (x *exchange) answer(resp *http.Response) (*http.Response, error) {
	if resp.Body == nil || resp.Body == http.NoBody || resp.Request.Method == http.MethodHead {
		if lost := x.end(x.verdict); lost != nil {
			if resp.Body != nil {
				_ = resp.Body.Close()
			}
			return nil, lost
		}
		return resp, nil
	}
	b := &body{exchange: x, from: resp.Body}
	resp.Body = b
	if w, ok := b.from.(io.Writer); ok {
		resp.Body = &duplexBody{body: b, Writer: w}
	}
	return resp, nil
}

// body is a response's body that ends the call with it. Close may be called while Read is
// under way, as with the bodies of net/http.
type body struct {
	exchange *exchange
	from     io.ReadCloser
	lost     error       // of Read alone: what it returns from now on
	closing  atomic.Bool // errors of Read come of the closing
}

// Read reads the body. At its end, or when it breaks off, the call ends. A body that was
// read to its end only after the deadline ends with an error and not with io.EOF, because
// the call counts as a Timeout then.
func (b *body) Read(p []byte) (int, error) {
	if b.lost != nil {
		return 0, b.lost
	}
	n, err := b.from.Read(p)
	if err != nil {
		if lost := b.exchange.end(b.verdict(err)); lost != nil {
			b.lost, err = lost, lost
		}
	}
	return n, err
}

// verdict is what the end of reading says of the call: a body that breaks off is a failure
// even if the status was good, but not if it does because it is being closed.
func (b *body) verdict(readErr error) error {
	end := readErr == io.EOF //nolint:errorlint // one that wraps io.EOF is no end, but breaks the body off
	if end || b.exchange.failed || b.closing.Load() {
		return b.exchange.verdict
	}
	return readErr
}

// Close closes the body and ends the call, by its status if the body was not read to its end.
func (b *body) Close() error {
	b.closing.Store(true)
	defer func() { _ = b.exchange.end(b.exchange.verdict) }()
	return b.from.Close()
}

// duplexBody is the body of a 101 Switching Protocols: the connection itself.
type duplexBody struct {
	*body
	io.Writer
}

// CloseWrite ends what is sent, as net/http's own body does for [net/http/httputil.ReverseProxy]. It
// returns [http.ErrNotSupported] where the connection cannot do that.
func (d *duplexBody) CloseWrite() error {
	if c, ok := d.Writer.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return http.ErrNotSupported
}
