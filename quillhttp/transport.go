package quillhttp

import (
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/seed-f7c3343e/quill"
)

// Transport is an [http.RoundTripper] that sends requests through a circuit and then
// through another RoundTripper. It is made by [New] or [PerHost], is safe for concurrent
// use, holds no goroutine, and needs no closing.
type Transport struct {
	base     http.RoundTripper
	circuit  *quill.Circuit // nil: one per host
	hosts    *hosts
	failures map[int]bool // statuses that are failures beside those that always are; never written
}

// New returns a Transport that puts every request through c, whatever its host. The
// requests go on to base; nil means [http.DefaultTransport]. It panics if c is nil.
//
// A request is sent on its caller's goroutine, whatever c's Isolation: give c
// [quill.Semaphore], or metrics and pages tell of a pool whose workers have nothing to do.
func New(c *quill.Circuit, base http.RoundTripper) *Transport {
	if c == nil {
		panic("quillhttp: New: needs a circuit")
	}
	return &Transport{base: orDefault(base), circuit: c}
}

// PerHost returns a Transport with a circuit for each host, or for each name that h.Name
// gives. The requests go on to base; nil means [http.DefaultTransport]. It panics if h is
// not valid; settings that come from outside the program go through [Hosts.Validate] first.
func PerHost(h Hosts, base http.RoundTripper) *Transport {
	if err := h.Validate(); err != nil {
		panic("quillhttp: PerHost: " + err.Error())
	}
	return &Transport{base: orDefault(base), hosts: newHosts(h)}
}

// FailureOn returns a Transport like t, with the same circuits, to which answers with these
// statuses are failures of the host, as a 503 is, beside those that are to t: 401 and 403,
// say, if they mean that this program's own key has expired. The circuit's classifier is
// asked about them as about any failure. The caller gets the response as before. It panics
// if a code is not 100 to 999.
func (t *Transport) FailureOn(codes ...int) *Transport {
	n := *t
	n.failures = maps.Clone(t.failures)
	if n.failures == nil {
		n.failures = map[int]bool{}
	}
	for _, code := range codes {
		if code < 100 || code > 999 {
			panic(fmt.Sprintf("quillhttp: FailureOn: the status %d: must be 100 to 999", code))
		}
		n.failures[code] = true
	}
	return &n
}

func orDefault(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		return http.DefaultTransport
	}
	return base
}

var errNoResponse = errors.New("quillhttp: the RoundTripper below gave neither a response nor an error")

// RoundTrip implements [http.RoundTripper]. It may wait in the bulkhead's queue,
// as long as req's context and the circuit's Timeout allow. A request that the circuit
// refuses is not sent; its body is closed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	handed := false // whether closing req.Body is the business of base
	defer func() {
		if !handed && req.Body != nil {
			_ = req.Body.Close()
		}
	}()
	x := &exchange{}
	circuit, guarded, err := t.pick(req, x)
	if err != nil {
		return nil, err
	}
	if !guarded {
		handed = true
		return t.base.RoundTrip(req)
	}
	defer func() {
		if x.call == nil {
			x.leave() // refused
		}
	}()
	if x.call, err = circuit.Begin(req.Context()); err != nil {
		return nil, err
	}
	handed = true
	return t.send(req, x) //nolint:contextcheck // x has the context
}

// pick finds the circuit for req, if it is to be guarded, and notes in x what must be told
// when the call is over.
func (t *Transport) pick(req *http.Request, x *exchange) (c *quill.Circuit, guarded bool, err error) {
	if t.circuit != nil {
		return t.circuit, true, nil
	}
	name := t.hosts.Name(req)
	if name == "" {
		return nil, false, nil
	}
	x.hosts = t.hosts
	x.host, c, err = t.hosts.enter(name)
	return c, true, err
}

// send makes the round trip of a call that was admitted.
func (t *Transport) send(req *http.Request, x *exchange) (*http.Response, error) {
	returned := false
	defer func() {
		if !returned {
			_ = x.end(quill.ErrUnwound) // the panic flows on
		}
	}()
	r := req.WithContext(x.call.Context())
	up := watch(r)
	resp, err := t.base.RoundTrip(r)
	returned = true
	if err == nil && resp == nil {
		err = errNoResponse
	}
	if err != nil {
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close() // against the contract of RoundTripper, and a leak if left
		}
		verdict := err
		if up.failed() {
			verdict = quill.Ignore(err)
		}
		if lost := x.end(verdict); lost != nil {
			return nil, lost
		}
		return nil, err
	}
	// A caller that reuses the request must not find the context of a call that is over.
	resp.Request = req
	x.failed, x.verdict = judge(resp, t.failures[resp.StatusCode])
	return x.answer(resp)
}

// CloseIdleConnections passes on to the RoundTripper below, for
// [http.Client.CloseIdleConnections].
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
