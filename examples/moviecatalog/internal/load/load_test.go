package load

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, h http.HandlerFunc, plan Plan) []Sample {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	plan.BaseURL, plan.Client = srv.URL, srv.Client()
	var mu sync.Mutex
	var samples []Sample
	Run(t.Context(), plan, func(s Sample) {
		mu.Lock()
		defer mu.Unlock()
		samples = append(samples, s)
	})
	ByTime(samples)
	return samples
}

func TestUsersArriveAtTheirRateAlsoIfNobodyIsAnswered(t *testing.T) {
	samples := run(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Plan{
		Users: []string{"a", "b"}, Rate: 50, Duration: 200 * time.Millisecond, Patience: 300 * time.Millisecond,
	})
	require.Len(t, samples, 10, "a closed loop would have sent one")
	for i, s := range samples {
		require.Equal(t, time.Duration(i)*20*time.Millisecond, s.At)
		require.Equal(t, []string{"a", "b"}[i%2], s.User)
		require.False(t, s.OK(), "they gave up")
		require.GreaterOrEqual(t, s.Latency, 300*time.Millisecond)
	}
}

func TestAnswersAreToldApart(t *testing.T) {
	samples := run(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/catalog/stale":
			w.Header().Set("X-Quill-Answer", "stale")
			_, _ = io.WriteString(w, "[]")
		case "/catalog/plain":
			_, _ = io.WriteString(w, "[]")
		case "/catalog/garbage":
			_, _ = io.WriteString(w, "<html>")
		case "/catalog/half":
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "[")
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}, Plan{
		Users: []string{"stale", "plain", "garbage", "half", "busy"}, Rate: 100, Duration: 50 * time.Millisecond, Patience: 5 * time.Second,
	})
	f := Sum(samples, nil)
	require.Equal(t, 5, f.Requests)
	require.Equal(t, 3, f.Errors, "half a page is no page")
	require.Equal(t, 1, f.Fresh())
	require.Equal(t, 1, f.Stale())
	require.Zero(t, f.Failover()+f.Default())
}

func TestEndOfContextEndsTheLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	entered := make(chan struct{}, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	}))
	defer srv.Close()
	go func() {
		<-entered
		cancel()
	}()
	Run(ctx, Plan{BaseURL: srv.URL, Client: srv.Client(), Users: []string{"a"}, Rate: 50, Patience: time.Minute},
		func(Sample) { t.Error("what was broken off is not reported") })
}

func TestPercentileTakesTheNearestRank(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0: 1, 50: 100, 99: 198, 99.1: 199, 100: 200} {
		require.Equal(t, want, Percentile(sorted, p), "p%v", p)
	}
	require.Zero(t, Percentile(nil, 50))
	require.Equal(t, time.Duration(7), Percentile([]time.Duration{7}, 1))
}
