//nolint:bodyclose // finish closes bodies, or the test itself; a refused request has none
package quillhttp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestSlotIsHeldUntilTheBodyIsClosedOrAtItsEnd(t *testing.T) { // B45
	ends := map[string]func(*http.Response){
		"closed unread":   func(resp *http.Response) { require.NoError(t, resp.Body.Close()) },
		"read to the end": func(resp *http.Response) { _, _ = io.Copy(io.Discard, resp.Body) },
		"half read and closed": func(resp *http.Response) {
			_, _ = resp.Body.Read(make([]byte, 2))
			require.NoError(t, resp.Body.Close())
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := newCircuit(t, quill.Settings{MaxConcurrent: 1})
			var inside context.Context
			tr := New(c, roundTrip(func(r *http.Request) (*http.Response, error) {
				inside = r.Context() //nolint:fatcontext // looked at after the call
				return answering(200, "text")(r)
			}))
			resp, err := tr.RoundTrip(newRequest(t, "GET", "http://a/", nil))
			require.NoError(t, err)
			require.Equal(t, 1, c.Stats().InFlight)
			require.NoError(t, inside.Err(), "the body still needs it")
			_, err = tr.RoundTrip(newRequest(t, "GET", "http://a/", nil))
			require.ErrorIs(t, err, quill.ErrFull)

			end(resp)
			require.Error(t, inside.Err())
			settled(t, c, quill.Counts{Success: 1, Rejected: 1})
			require.NoError(t, resp.Body.Close())
			_, _ = resp.Body.Read(make([]byte, 8))
			settled(t, c, quill.Counts{Success: 1, Rejected: 1})
		})
	}
}

func TestResponseWithoutABodyEndsAtOnce(t *testing.T) {
	for name, base := range map[string]roundTrip{
		"no body": func(r *http.Request) (*http.Response, error) { return respond(r, 204, http.NoBody), nil },
		"nil":     func(r *http.Request) (*http.Response, error) { return respond(r, 200, nil), nil },
		"HEAD":    answering(200, ""),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCircuit(t)
			method := map[bool]string{true: "HEAD", false: "GET"}[name == "HEAD"]
			_, err := New(c, base).RoundTrip(newRequest(t, method, "http://a/", nil))
			require.NoError(t, err)
			settled(t, c, quill.Counts{Success: 1})
		})
	}
}

func TestBodyThatBreaksOffIsAFailure(t *testing.T) {
	for code, want := range map[int]quill.Counts{200: {Failure: 1}, 404: {Failure: 1}, 503: {Failure: 1}} {
		c := quill.NewCircuit("c", quill.WithRegistry(quill.NewRegistry()))
		base := roundTrip(func(r *http.Request) (*http.Response, error) { return respond(r, code, broken("ab")), nil })
		resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.Equal(t, "ab", string(text))
		require.Same(t, errBroken, err, "as it is")
		settled(t, c, want)
		require.NoError(t, resp.Body.Close())
		settled(t, c, want)
	}
}

// errWrapsEOF is no end of a body, whatever errors.Is says: io.ReadAll returns it, too.
var errWrapsEOF = fmt.Errorf("decoding: %w", io.EOF)

func TestBodyThatBreaksOffWithAWrappedEOFIsAFailure(t *testing.T) {
	c := newCircuit(t)
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		return respond(r, 200, newBroken("ab", errWrapsEOF)), nil
	})
	resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.NoError(t, err)
	_, err = io.ReadAll(resp.Body)
	require.Same(t, errWrapsEOF, err)
	require.NoError(t, resp.Body.Close())
	settled(t, c, quill.Counts{Failure: 1})
}

func TestHalfABodyOverTheWireIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := pipeServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "only this")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}))
		c := newCircuit(t)
		resp, err := New(c, tr).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NoError(t, resp.Body.Close())
		settled(t, c, quill.Counts{Failure: 1})
	})
}

// slowBody sends a line at once and another one after a while.
func slowBody(wait time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(wait):
			_, _ = io.WriteString(w, "second\n")
		case <-r.Context().Done():
		}
	})
}

func TestTimeoutCoversTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{Timeout: 500 * time.Millisecond})
		start := time.Now()
		resp, err := New(c, pipeServer(t, slowBody(time.Minute))).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.Equal(t, "first\n", string(text))
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.Equal(t, 500*time.Millisecond, time.Since(start))
		_, again := resp.Body.Read(make([]byte, 1))
		require.Equal(t, err, again)
		settled(t, c, quill.Counts{Timeout: 1})
		require.NoError(t, resp.Body.Close())
	})
}

func TestSlowBodyWithinTheTimeoutIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{Timeout: time.Second})
		resp, err := New(c, pipeServer(t, slowBody(900*time.Millisecond))).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		require.Equal(t, "first\nsecond\n", finish(t, resp))
		settled(t, c, quill.Counts{Success: 1})
		require.Equal(t, 900*time.Millisecond, c.Stats().TotalExecution.Sum(), "the body is part of the call")
	})
}

func TestCallerThatCancelsAStreamIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{Timeout: quill.NoTimeout})
		ctx, cancel := context.WithCancel(t.Context())
		req := newRequest(t, "GET", "http://a/", nil).WithContext(ctx)
		resp, err := New(c, pipeServer(t, slowBody(time.Hour))).RoundTrip(req)
		require.NoError(t, err)
		time.AfterFunc(time.Minute, cancel)
		_, err = io.ReadAll(resp.Body)
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, resp.Body.Close())
		settled(t, c, quill.Counts{Canceled: 1})
	})
}

// What the caller got and what is counted must agree: a body that comes whole but too late
// is a timeout for both.
func TestEndOfBodyAfterTheDeadlineIsATimeoutForTheReaderToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{Timeout: time.Second})
		body := newTracked("text")
		base := roundTrip(func(r *http.Request) (*http.Response, error) { return respond(r, 200, body), nil })
		resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = io.ReadAll(resp.Body)
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.NoError(t, resp.Body.Close())
		require.EqualValues(t, 1, body.closed.Load())
		settled(t, c, quill.Counts{Timeout: 1})

		late := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second) // a base that does not obey its context
			return respond(r, 200, http.NoBody), nil
		})
		_, err = New(c, late).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.ErrorIs(t, err, quill.ErrTimeout)
		settled(t, c, quill.Counts{Timeout: 2})

		unread := newTracked("")
		headLate := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return respond(r, 200, unread), nil
		})
		_, err = New(c, headLate).RoundTrip(newRequest(t, "HEAD", "http://a/", nil))
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.EqualValues(t, 1, unread.closed.Load(), "nobody else will")
	})
}

// A reader that fails because the body is closed under it says nothing about the host.
func TestReaderThatIsInterruptedByCloseIsNoFailure(t *testing.T) {
	c := newCircuit(t)
	from := &interrupted{closed: make(chan struct{}), read: make(chan struct{})}
	base := roundTrip(func(r *http.Request) (*http.Response, error) { return respond(r, 200, from), nil })
	resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.NoError(t, err)
	go func() {
		defer close(from.read)
		_, err := resp.Body.Read(make([]byte, 1))
		if err == nil {
			t.Error("read")
		}
	}()
	require.NoError(t, resp.Body.Close())
	settled(t, c, quill.Counts{Success: 1})
}

// interrupted is a body whose Read lasts until it is closed, and whose Close lasts until
// the reader has left.
type interrupted struct{ closed, read chan struct{} }

func (b *interrupted) Read([]byte) (int, error) {
	<-b.closed
	return 0, http.ErrBodyReadAfterClose
}

func (b *interrupted) Close() error {
	close(b.closed)
	<-b.read
	return nil
}

func TestCloseWhileReadIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{Timeout: quill.NoTimeout})
		resp, err := New(c, pipeServer(t, slowBody(time.Hour))).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		read := make(chan error)
		go func() {
			_, err := io.ReadAll(resp.Body)
			read <- err
		}()
		synctest.Wait() // the reader waits for the second line
		require.NoError(t, resp.Body.Close())
		require.Error(t, <-read)
		settled(t, c, quill.Counts{Success: 1}) // by its status: the caller wanted no more
	})
}

func TestSwitchedProtocolIsADuplexUntilItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := pipeServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			line, _ := rw.ReadString('\n')
			_, _ = rw.WriteString("echo " + line)
			_ = rw.Flush()
			_, _ = rw.ReadString('\n') // until the client hangs up
		}))
		c := newCircuit(t, quill.Settings{Timeout: quill.NoTimeout})
		req := newRequest(t, "GET", "http://a/", nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		resp, err := New(c, tr).RoundTrip(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
		conn, ok := resp.Body.(io.ReadWriteCloser)
		require.True(t, ok)
		time.Sleep(time.Hour)
		_, err = io.WriteString(conn, "hello\n")
		require.NoError(t, err)
		line := make([]byte, len("echo hello\n"))
		_, err = io.ReadFull(conn, line)
		require.NoError(t, err)
		require.Equal(t, "echo hello\n", string(line))
		require.Equal(t, 1, c.Stats().InFlight)
		require.NoError(t, conn.Close())
		settled(t, c, quill.Counts{Success: 1})
	})
}

func TestOrdinaryBodyIsNoWriter(t *testing.T) {
	resp, err := New(newCircuit(t), answering(200, "x")).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.NoError(t, err)
	_, ok := resp.Body.(io.Writer)
	require.False(t, ok)
	finish(t, resp)
}

func TestN04TrailersComeThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := pipeServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Checksum")
			_, _ = io.WriteString(w, "text")
			w.Header().Set("Checksum", "42")
		}))
		resp, err := New(newCircuit(t), tr).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		require.Equal(t, "text", finish(t, resp))
		require.Equal(t, "42", resp.Trailer.Get("Checksum"))
	})
}

// brokenUpload is a request's body that cannot be read to its end.
func brokenUpload(t *testing.T, body io.ReadCloser) *http.Request {
	t.Helper()
	return newRequest(t, "POST", "http://a/", body)
}

func TestUploadThatTheCallerCannotReadIsTheCallersFault(t *testing.T) {
	for _, cause := range []error{errBroken, errWrapsEOF} {
		synctest.Test(t, func(t *testing.T) {
			tr := pipeServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
			}))
			c := newCircuit(t)
			body := newBroken("first part", cause)
			_, err := New(c, tr).RoundTrip(brokenUpload(t, body))
			require.ErrorIs(t, err, cause)
			synctest.Wait()
			require.EqualValues(t, 1, body.closed.Load())
			settled(t, c, quill.Counts{Ignored: 1})
		})
	}
}

func TestUploadThatFailsBecauseItWasClosedIsTheHostsFault(t *testing.T) {
	c := newCircuit(t)
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		_ = r.Body.Close() // the connection broke
		_, _ = r.Body.Read(make([]byte, 1))
		return nil, io.ErrClosedPipe
	})
	_, err := New(c, base).RoundTrip(brokenUpload(t, broken("")))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	settled(t, c, quill.Counts{Failure: 1})
}

func TestUploadThatIsReadToItsEndIsNotBlamed(t *testing.T) {
	c := newCircuit(t)
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		return nil, errBroken
	})
	_, err := New(c, base).RoundTrip(brokenUpload(t, newTracked("x")))
	require.ErrorIs(t, err, errBroken)
	settled(t, c, quill.Counts{Failure: 1})
}

func TestBodiesInMemoryAreLeftAsTheyAre(t *testing.T) {
	var sent io.ReadCloser
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Body
		return respond(r, 200, http.NoBody), nil
	})
	for _, body := range []io.Reader{strings.NewReader("text"), http.NoBody, nil} {
		req := newRequest(t, "POST", "http://a/", body)
		_, err := New(newCircuit(t), base).RoundTrip(req)
		require.NoError(t, err)
		require.Equal(t, req.Body, sent)
	}
}
