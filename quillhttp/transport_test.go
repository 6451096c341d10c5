//nolint:bodyclose // finish closes bodies, or the test itself; a refused request has none
package quillhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestStatusesAreJudgedAndHandedOver(t *testing.T) {
	outcomes := map[int]quill.Counts{}
	for code := 200; code < 400; code++ {
		outcomes[code] = quill.Counts{Success: 1}
	}
	for code := 400; code < 500; code++ {
		outcomes[code] = quill.Counts{Ignored: 1}
	}
	for code := 500; code < 600; code++ {
		outcomes[code] = quill.Counts{Failure: 1}
	}
	outcomes[408] = quill.Counts{Failure: 1}
	outcomes[429] = quill.Counts{Failure: 1}
	for code, want := range outcomes {
		c := quill.NewCircuit("c", quill.WithRegistry(quill.NewRegistry()))
		resp, err := New(c, answering(code, "text")).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err, "a status is no error: %d", code)
		require.Equal(t, code, resp.StatusCode)
		require.Zero(t, c.Stats().Total, "not before the body ends: %d", code)
		require.Equal(t, "text", finish(t, resp))
		require.Equal(t, want, c.Stats().Total, code)
	}
}

func TestTransportErrorIsAFailureAndReachesTheCallerUntouched(t *testing.T) {
	c := newCircuit(t)
	tr := New(c, roundTrip(func(*http.Request) (*http.Response, error) { return nil, errBroken }))
	resp, err := tr.RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.Nil(t, resp)
	require.Same(t, errBroken, err)
	settled(t, c, quill.Counts{Failure: 1})
}

func TestHookSeesTheStatus(t *testing.T) {
	var seen quill.CallEvent
	c := newCircuit(t, quill.WithHooks(quill.Hooks{
		OnCall: func(_ context.Context, e quill.CallEvent) { seen = e },
	}))
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := respond(r, 503, newTracked(""))
		resp.Header.Set("Retry-After", "7")
		return resp, nil
	})
	resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	status, ok := errors.AsType[*StatusError](seen.Err)
	require.True(t, ok)
	require.Equal(t, StatusError{Code: 503, Status: "503 Service Unavailable", RetryAfter: 7 * time.Second}, *status)
	require.EqualError(t, status, "HTTP status 503 Service Unavailable")
	require.EqualError(t, &StatusError{Code: 599}, "HTTP status 599")
}

func TestClassifierCanExcuseAStatus(t *testing.T) {
	c := newCircuit(t, quill.WithClassifier(func(err error) quill.Verdict {
		if s, ok := errors.AsType[*StatusError](err); ok && s.Code == http.StatusNotImplemented {
			return quill.CountIgnored
		}
		return quill.CountFailure
	}))
	for _, code := range []int{501, 502} {
		resp, err := New(c, answering(code, "")).RoundTrip(newRequest(t, "GET", "http://a/", nil))
		require.NoError(t, err)
		finish(t, resp)
	}
	settled(t, c, quill.Counts{Ignored: 1, Failure: 1})
}

// statusOf is a base that answers with the status that the path names.
var statusOf = roundTrip(func(r *http.Request) (*http.Response, error) {
	code, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		return nil, err
	}
	return respond(r, code, newTracked("text")), nil
})

// An expired key is answered with 401, and is no fault of whoever asked.
func TestNamedStatusesAreFailures(t *testing.T) {
	for code, want := range map[int]quill.Counts{
		401: {Failure: 1}, 403: {Failure: 1}, 302: {Failure: 1},
		400: {Ignored: 1}, 404: {Ignored: 1}, 499: {Ignored: 1},
		200: {Success: 1}, 301: {Success: 1},
		408: {Failure: 1}, 429: {Failure: 1}, 500: {Failure: 1}, 503: {Failure: 1},
	} {
		c := quill.NewCircuit("c", quill.WithRegistry(quill.NewRegistry()))
		tr := New(c, statusOf).FailureOn(401, 302).FailureOn().FailureOn(403, 401)
		resp, err := tr.RoundTrip(newRequest(t, "GET", fmt.Sprintf("http://a/%d", code), nil))
		require.NoError(t, err, "a status is no error: %d", code)
		require.Equal(t, code, resp.StatusCode)
		require.Equal(t, "text", finish(t, resp))
		require.Equal(t, want, c.Stats().Total, code)
	}
}

func TestNamedStatusesOpenTheCircuitOfTheHost(t *testing.T) {
	reg := quill.NewRegistry()
	plain := PerHost(Hosts{Registry: reg, Settings: quill.Settings{RequestVolumeThreshold: 2}}, statusOf)
	strict := plain.FailureOn(http.StatusUnauthorized)
	for range 4 {
		require.NoError(t, ask(t, plain, "http://a/401"), "it is as it was")
	}
	for range 2 {
		require.NoError(t, ask(t, strict, "http://a/401"))
	}
	require.ErrorIs(t, ask(t, strict, "http://a/200"), quill.ErrOpen)
	require.ErrorIs(t, ask(t, plain, "http://a/200"), quill.ErrOpen, "the circuits are the same")
	c, ok := reg.Lookup("http://a")
	require.True(t, ok)
	settled(t, c, quill.Counts{Ignored: 4, Failure: 2, ShortCircuited: 2})
}

func TestClassifierIsAskedAboutFailuresAlone(t *testing.T) {
	var asked []int
	c := newCircuit(t, quill.WithClassifier(func(err error) quill.Verdict {
		if s, ok := errors.AsType[*StatusError](err); ok {
			asked = append(asked, s.Code)
			if s.Code == http.StatusForbidden {
				return quill.CountIgnored
			}
		}
		return quill.CountFailure // the usual last line: no 404 must become a failure by it
	}))
	tr := New(c, statusOf).FailureOn(401, 403)
	for _, code := range []int{200, 302, 400, 401, 403, 404, 408, 422, 429, 500} {
		require.NoError(t, ask(t, tr, fmt.Sprintf("http://a/%d", code)))
	}
	require.Equal(t, []int{401, 403, 408, 429, 500}, asked)
	settled(t, c, quill.Counts{Success: 2, Ignored: 4, Failure: 4})
}

func TestRequestIsNotChanged(t *testing.T) {
	type key struct{}
	var sent *http.Request
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r
		_ = r.Body.Close()
		return respond(r, 200, http.NoBody), nil
	})
	body := newTracked("x")
	ctx := context.WithValue(t.Context(), key{}, "kept")
	req := newRequest(t, "POST", "http://a/p?q", body).WithContext(ctx)
	before := *req
	resp, err := New(newCircuit(t), base).RoundTrip(req)
	require.NoError(t, err)
	require.Equal(t, before, *req)
	require.NotSame(t, req, sent)
	require.Equal(t, "kept", sent.Context().Value(key{}))
	require.Same(t, req, resp.Request, "its context is the caller's, and lives on")
	require.NoError(t, resp.Request.Context().Err())
}

func TestRefusedRequestIsNotSentAndItsBodyIsClosed(t *testing.T) {
	base := roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("sent")
		return nil, errBroken
	})
	full := newCircuit(t, quill.Settings{MaxConcurrent: 1})
	call, err := full.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _, _ = call.End(nil) }()
	open := newCircuit(t, quill.Settings{Override: quill.ForceOpen})
	left, cancel := context.WithCancel(t.Context())
	cancel()

	for _, test := range []struct {
		name    string
		circuit *quill.Circuit
		ctx     context.Context //nolint:containedctx // a table's column
		want    error
	}{
		{"open", open, t.Context(), quill.ErrOpen},
		{"full", full, t.Context(), quill.ErrFull},
		{"caller gone", newCircuit(t), left, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := newTracked("x")
			req := newRequest(t, "POST", "http://a/", body).WithContext(test.ctx)
			resp, err := New(test.circuit, base).RoundTrip(req)
			require.Nil(t, resp)
			require.ErrorIs(t, err, test.want)
			require.EqualValues(t, 1, body.closed.Load())
			_, isQuill := errors.AsType[*quill.Error](err)
			require.True(t, isQuill)
		})
	}
}

func TestErrorsAreSeenThroughTheClient(t *testing.T) {
	c := newCircuit(t, quill.Settings{Override: quill.ForceOpen})
	client := &http.Client{Transport: New(c, answering(200, ""))}
	_, err := client.Do(newRequest(t, "GET", "http://a/", nil))
	require.ErrorIs(t, err, quill.ErrOpen)
	e, ok := errors.AsType[*quill.Error](err)
	require.True(t, ok)
	require.Equal(t, quill.ShortCircuited, e.Outcome)
}

func TestPanicAndGoexitBelowEndTheCallAndGoOn(t *testing.T) {
	c := newCircuit(t)
	value := errors.New("value")
	tr := New(c, roundTrip(func(*http.Request) (*http.Response, error) { panic(value) }))
	func() {
		defer func() { require.Same(t, value, recover()) }()
		_, _ = tr.RoundTrip(newRequest(t, "GET", "http://a/", nil))
		t.Error("returned")
	}()
	settled(t, c, quill.Counts{Failure: 1})

	tr = New(c, roundTrip(func(*http.Request) (*http.Response, error) {
		runtime.Goexit()
		return nil, nil
	}))
	req := newRequest(t, "GET", "http://a/", nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = tr.RoundTrip(req)
		t.Error("returned")
	}()
	<-ended
	settled(t, c, quill.Counts{Failure: 2})
}

func TestNameThatPanicsLeavesNothingBehind(t *testing.T) {
	h := Hosts{Registry: quill.NewRegistry(), Name: func(*http.Request) string { panic("name") }}
	body := newTracked("x")
	require.PanicsWithValue(t, "name", func() {
		_, _ = PerHost(h, answering(200, "")).RoundTrip(newRequest(t, "POST", "http://a/", body))
	})
	require.EqualValues(t, 1, body.closed.Load())
}

func TestBaseThatBreaksTheContractIsAFailure(t *testing.T) {
	c := newCircuit(t)
	neither := roundTrip(func(*http.Request) (*http.Response, error) { return nil, nil })
	_, err := New(c, neither).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.ErrorContains(t, err, "neither a response nor an error")

	body := newTracked("x")
	both := roundTrip(func(r *http.Request) (*http.Response, error) { return respond(r, 200, body), errBroken })
	resp, err := New(c, both).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.ErrorIs(t, err, errBroken)
	require.Nil(t, resp)
	require.EqualValues(t, 1, body.closed.Load())
	settled(t, c, quill.Counts{Failure: 2})
}

func TestOwnTimeoutBeforeTheHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := pipeServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}))
		c := newCircuit(t, quill.Settings{Timeout: 300 * time.Millisecond})
		start := time.Now()
		_, err := (&http.Client{Transport: New(c, hang)}).Do(newRequest(t, "GET", "http://a/", nil))
		require.Equal(t, 300*time.Millisecond, time.Since(start))
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		e, ok := errors.AsType[*quill.Error](err)
		require.True(t, ok, "it tells which circuit")
		require.Equal(t, c.Name(), e.Command)
		settled(t, c, quill.Counts{Timeout: 1})
	})
}

func TestCallersDeadlineAndCancelAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := pipeServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}))
		c := newCircuit(t)
		client := &http.Client{Transport: New(c, hang)}

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := client.Do(newRequest(t, "GET", "http://a/", nil).WithContext(ctx))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, quill.ErrTimeout)
		settled(t, c, quill.Counts{Timeout: 1})

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err = client.Do(newRequest(t, "GET", "http://a/", nil).WithContext(ctx))
		require.ErrorIs(t, err, context.Canceled)
		e, ok := errors.AsType[*quill.Error](err)
		require.True(t, ok)
		require.Equal(t, quill.Canceled, e.Outcome)
		settled(t, c, quill.Counts{Timeout: 1, Canceled: 1})

		client.Timeout = 200 * time.Millisecond
		_, err = client.Do(newRequest(t, "GET", "http://a/", nil))
		var timeout interface{ Timeout() bool }
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		settled(t, c, quill.Counts{Timeout: 2, Canceled: 1})
	})
}

func TestRedirectsAreCallsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /from", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://b/to", http.StatusTemporaryRedirect)
		})
		mux.HandleFunc("POST /to", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		})
		reg := quill.NewRegistry()
		client := &http.Client{Transport: PerHost(Hosts{Registry: reg}, pipeServer(t, mux))}
		resp, err := client.Do(newRequest(t, "POST", "http://a/from", strings.NewReader("payload")))
		require.NoError(t, err)
		require.Equal(t, "payload", finish(t, resp), "the body was sent again, by GetBody")
		require.Equal(t, 2, reg.Len())
		for c := range reg.All() {
			settled(t, c, quill.Counts{Success: 1})
		}
	})
}

func TestIdleConnectionsAreClosedBelow(t *testing.T) {
	base := &closingBase{}
	client := &http.Client{Transport: New(newCircuit(t), base)}
	client.CloseIdleConnections()
	require.Equal(t, 1, base.closed)
	(&http.Client{Transport: New(newCircuit(t), answering(200, ""))}).CloseIdleConnections()
}

type closingBase struct {
	roundTrip

	closed int
}

func (b *closingBase) CloseIdleConnections() { b.closed++ }

func TestConstructorsPanicWithASentence(t *testing.T) {
	require.PanicsWithValue(t, "quillhttp: New: needs a circuit", func() { New(nil, nil) })
	for _, code := range []int{0, -401, 99, 1000} {
		require.PanicsWithValue(t, fmt.Sprintf("quillhttp: FailureOn: the status %d: must be 100 to 999", code),
			func() { New(newCircuit(t), nil).FailureOn(100, 999, code) })
	}
	text := func() (s string) {
		defer func() { s = fmt.Sprint(recover()) }()
		PerHost(Hosts{MaxHosts: -1, Settings: quill.Settings{Timeout: 1}}, nil)
		return ""
	}()
	require.Contains(t, text, "quillhttp: PerHost: ")
	require.Contains(t, text, "MaxHosts is -1: must be 1 to 1,000,000")
	require.Contains(t, text, "Timeout")
	require.Same(t, http.DefaultTransport, New(newCircuit(t), nil).base)
}
