package quillhttp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// A proxy whose client ends what it sends still has the answer to hand on: it tells the backend so
// by CloseWrite, on the body of the 101.
func TestAnUpgradedConnectionIsClosedOneWayAtATime(t *testing.T) {
	backend := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		n, _ := io.Copy(io.Discard, in)
		_, _ = fmt.Fprintf(conn, "received %d bytes\n", n)
	}), false)
	to, err := url.Parse(backend.URL)
	require.NoError(t, err)
	c := newCircuit(t, quill.Settings{})
	front := newServer(t, &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: New(c, backend.Client().Transport),
	}, false)

	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: front\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // a 101 has none
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	_, err = io.WriteString(conn, "0123456789")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, "received 10 bytes\n", string(answer))
}

func TestCloseWriteOfAConnectionThatCannotSaysSo(t *testing.T) {
	d := &duplexBody{Writer: httptest.NewRecorder()}
	require.Equal(t, http.ErrNotSupported, d.CloseWrite())
}
