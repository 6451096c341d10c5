package quillstream

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// asked is a transport that counts the requests that are under way.
type asked struct{ now, all atomic.Int64 }

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.all.Add(1)
	a.now.Add(1)
	defer a.now.Add(-1)
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader([]byte("{}"))),
	}, nil
}

// TestL03ADashboardIsClosedByManyWhileItIsRead: whoever closes it finds no request to
// another process under way when Close returns, and none begins after it, though viewers go
// on asking. What they ask for after it is still shown.
func TestL03ADashboardIsClosedByManyWhileItIsRead(t *testing.T) {
	const rounds, viewers, closers = 300, 4, 3
	before := int64(0)
	for round := range rounds {
		var transport asked
		b := Dashboard(quill.NewRegistry(), WithHost("here"), WithSources(&http.Client{Transport: &transport},
			Source{Host: "one", URL: "http://one/"}, Source{Host: "two", URL: "http://two/"}))
		var all sync.WaitGroup
		start := make(chan struct{})
		for range viewers {
			all.Go(func() {
				<-start
				for range 3 {
					get(b, "GET", "/data/now", "")
				}
			})
		}
		for range closers {
			all.Go(func() {
				<-start
				b.Close()
				atClose := transport.all.Load()
				if under := transport.now.Load(); under != 0 {
					t.Errorf("%d requests are under way after Close", under)
				}
				get(b, "GET", "/data/now", "")
				if began := transport.all.Load() - atClose; began != 0 {
					t.Errorf("%d requests began after Close", began)
				}
			})
		}
		if round%2 == 0 { // something is under way for sure
			get(b, "GET", "/data/now", "")
		}
		close(start)
		all.Wait()
		before += transport.all.Load()
		require.Equal(t, http.StatusOK, get(b, "GET", "/data/now", "").Code)
	}
	require.Positive(t, before, "some requests came before")
}
