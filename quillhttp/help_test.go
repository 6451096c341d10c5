package quillhttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// roundTrip is a RoundTripper made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// tracked is a body that counts how often it was closed.
type tracked struct {
	io.Reader

	closed atomic.Int32
}

func (b *tracked) Close() error {
	b.closed.Add(1)
	return nil
}

func newTracked(text string) *tracked { return &tracked{Reader: strings.NewReader(text)} }

// respond makes a response as a transport would.
func respond(r *http.Request, code int, body io.ReadCloser) *http.Response {
	return &http.Response{
		StatusCode: code, Status: strconv.Itoa(code) + " " + http.StatusText(code),
		Header: http.Header{}, Body: body, Request: r, ContentLength: -1,
	}
}

// answering is a base that keeps the contract and answers everything with a status and a text.
func answering(code int, text string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return respond(r, code, newTracked(text)), nil
	}
}

func newCircuit(t *testing.T, opts ...quill.Option) *quill.Circuit {
	t.Helper()
	return quill.NewCircuit(t.Name(), append(opts, quill.WithRegistry(quill.NewRegistry()))...)
}

func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	return r
}

// finish reads a response to its end and closes it.
func finish(t *testing.T, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return string(text)
}

// settled requires that the circuit has nothing under way and ended calls as told.
func settled(t *testing.T, c *quill.Circuit, want quill.Counts) {
	t.Helper()
	s := c.Stats()
	require.Equal(t, want, s.Total)
	require.Zero(t, s.InFlight)
	require.Zero(t, s.Queued)
	require.Zero(t, s.Probes)
}

// pipeServer serves handler over pipes in memory: everything durably blocks, so that it
// can be used in a synctest bubble. It returns a transport that is connected to it.
func pipeServer(t *testing.T, handler http.Handler) *http.Transport {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	tr := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return tr
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

var errBroken = errors.New("connection reset")

// broken is a body that breaks off after some text.
func broken(text string) *tracked { return newBroken(text, errBroken) }

func newBroken(text string, err error) *tracked {
	return &tracked{Reader: io.MultiReader(strings.NewReader(text), iotest.ErrReader(err))}
}
