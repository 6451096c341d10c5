package instance

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func start(t *testing.T, h http.Handler) *Instance {
	t.Helper()
	i, err := Start("one", "127.0.0.1:0", h, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, i.Close(context.Background())) })
	return i
}

func status(t *testing.T, url string) (int, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func TestDownRefusesConnectionsAndComesBackOnTheSamePort(t *testing.T) {
	i := start(t, http.NotFoundHandler())
	url := i.URL()
	code, err := status(t, url)
	require.NoError(t, err)
	require.Equal(t, 404, code)

	require.NoError(t, i.Set(fault.Faults{Down: true}))
	require.False(t, i.Up())
	_, err = status(t, url)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	require.NoError(t, i.Set(fault.Faults{}))
	require.True(t, i.Up())
	require.Equal(t, url, i.URL())
	code, err = status(t, url)
	require.NoError(t, err)
	require.Equal(t, 404, code)
	require.Equal(t, 2, i.Served())
}

func TestDownBreaksWhatIsUnderWay(t *testing.T) {
	entered := make(chan struct{})
	i := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}))
	failed := make(chan error)
	go func() {
		_, err := status(t, i.URL())
		failed <- err
	}()
	<-entered
	require.NoError(t, i.Set(fault.Faults{Down: true}))
	require.Error(t, <-failed)
}

func TestPortTakenWhileDownKeepsItDown(t *testing.T) {
	i := start(t, http.NotFoundHandler())
	require.NoError(t, i.Set(fault.Faults{Down: true}))
	l, err := net.Listen("tcp", i.Addr())
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	require.ErrorIs(t, i.Set(fault.Faults{}), syscall.EADDRINUSE)
	require.False(t, i.Up())
	require.True(t, i.Faults().Down)
}

func TestBadFaultsChangeNothing(t *testing.T) {
	i := start(t, http.NotFoundHandler())
	require.ErrorContains(t, i.Set(fault.Faults{Down: true, FailPercent: 101}), "failPercent")
	require.True(t, i.Up())
}

func TestCloseWaitsForWhatIsUnderWayButNotForever(t *testing.T) {
	entered := make(chan struct{})
	i, err := Start("one", "127.0.0.1:0", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}), quiet)
	require.NoError(t, err)
	failed := make(chan error)
	go func() {
		_, err := status(t, i.URL())
		failed <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, i.Close(ctx))
	require.Error(t, <-failed)
	require.NoError(t, i.Close(ctx), "again is no error")
}
