package quillstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmaxmax/go-sse"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill"
)

// The warm workers of quill's pools go by themselves after a while.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/seed-f7c3343e/quill.(*worker).loop"))
}

// memory is a listener whose connections are pipes, so that servers and their clients can
// live in a synctest bubble.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { m.once.Do(func() { close(m.closed) }); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// site is a server in memory.
type site struct {
	*http.Server

	listener *memory
	client   *http.Client
	served   chan struct{}
}

// serve starts a server on pipes; it ends with the test.
func serve(t *testing.T, server *http.Server) *site {
	t.Helper()
	m := newMemory()
	s := &site{
		Server: server, listener: m, served: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{DialContext: m.dial}},
	}
	go func() {
		defer close(s.served)
		_ = server.Serve(m)
	}()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		_ = server.Close()
		<-s.served
	})
	return s
}

// reply is what a server answered.
type reply struct {
	status int
	header http.Header
	body   io.ReadCloser
}

// open asks for a stream; its body is closed with the test.
func (s *site) open(t *testing.T, path string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://site"+path, nil)
	require.NoError(t, err)
	res, err := s.client.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return reply{res.StatusCode, res.Header, res.Body}
}

// message is one that has been read, and when.
type message struct {
	data string
	at   time.Time
}

// field is one of its fields.
func (m message) fields(t *testing.T) map[string]any {
	t.Helper()
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(m.data), &all), m.data)
	return all
}

// read returns the messages of a stream as they come; the channel is closed at its end.
func read(r reply) <-chan message { return readFrom(r.body) }

func readFrom(body io.Reader) <-chan message {
	all := make(chan message, 10_000)
	go func() {
		defer close(all)
		for e, err := range sse.Read(body, nil) {
			if err != nil {
				return
			}
			all <- message{e.Data, time.Now()}
		}
	}()
	return all
}

// next waits for the next message of a type and a name.
func next(t *testing.T, from <-chan message, typ, name string) map[string]any {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case m, ok := <-from:
			require.True(t, ok, "the stream ended before a %s %q", typ, name)
			if f := m.fields(t); f["type"] == typ && f["name"] == name {
				return f
			}
		case <-timeout:
			require.FailNow(t, "no message", "%s %q", typ, name)
		}
	}
}

func circuit(t *testing.T, r *quill.Registry, name string, opts ...quill.Option) *quill.Circuit {
	t.Helper()
	c, err := r.Circuit(name, opts...)
	require.NoError(t, err)
	return c
}

// call makes a call that takes d and returns err.
func call(t *testing.T, c *quill.Circuit, d time.Duration, err error) {
	t.Helper()
	_, _ = quill.Do(t.Context(), c, func(context.Context) (struct{}, error) {
		<-time.After(d) // real time: none, as outside a bubble d is 0
		return struct{}{}, err
	})
}

var errDown = errors.New("down")

func text(t *testing.T, r reply) string {
	t.Helper()
	text, err := io.ReadAll(r.body)
	require.NoError(t, err)
	return string(text)
}
