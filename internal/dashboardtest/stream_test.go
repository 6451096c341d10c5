package dashboardtest_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/dashboardtest"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// errDown is what a dependency that is down returns.
var errDown = errors.New("down")

// counted are settings under which what the test has called stays in the window, and no call
// times out that need not.
var counted = quill.Settings{RollingWindow: time.Minute, RequestVolumeThreshold: 20, SleepWindow: time.Hour, Timeout: time.Minute}

// calls makes n calls that take d and return err.
func calls(t *testing.T, c *quill.Circuit, n int, d time.Duration, err error) {
	t.Helper()
	for range n {
		_, _ = quill.Do(t.Context(), c, func(context.Context) (struct{}, error) {
			<-time.After(d) // real time: the page is in a browser
			return struct{}{}, err
		})
	}
}

// timeouts makes n calls that time out.
func timeouts(t *testing.T, c *quill.Circuit, n int) {
	t.Helper()
	hurried := counted
	hurried.Timeout = 20 * time.Millisecond
	require.NoError(t, c.Configure(hurried))
	for range n {
		_, err := quill.Do(t.Context(), c, func(ctx context.Context) (struct{}, error) {
			<-ctx.Done()
			return struct{}{}, ctx.Err()
		})
		require.ErrorIs(t, err, quill.ErrTimeout)
	}
	require.NoError(t, c.Configure(counted))
}

// instance is a process that has a good dependency and another that is ill for it or not:
// its stream, and what ends the work that goes on in it.
func instance(t *testing.T, ill bool) (stream *quillstream.Stream, end func()) {
	t.Helper()
	registry := quill.NewRegistry()
	in := quill.WithRegistry(registry)
	shared := quill.NewBulkhead("the movie database", quill.BulkheadSettings{MaxConcurrent: 3, QueueSize: 2})
	ratings := quill.NewCircuit("ratings-data", in, counted)
	movies := quill.NewCircuit("movie-info", in, counted, quill.WithBulkhead(shared))
	quill.NewCircuit("not called yet", in)
	semaphore := counted
	semaphore.Isolation = quill.Semaphore
	strange := quill.NewCircuit(odd, in, semaphore)

	calls(t, ratings, 150, 0, nil)
	calls(t, ratings, 2, 0, quill.Ignore(errDown))
	calls(t, strange, 3, 10*time.Millisecond, nil)
	calls(t, movies, 12, 0, nil)
	if ill {
		calls(t, movies, 4, 0, errDown)
		timeouts(t, movies, 8)      // at the eighth it opens
		calls(t, movies, 5, 0, nil) // short-circuited
	}
	report := quill.NewCircuit("report", in, quill.Settings{Timeout: quill.NoTimeout})
	release := make(chan struct{})
	for range 2 {
		quill.Go(context.Background(), report, func(context.Context) (struct{}, error) { <-release; return struct{}{}, nil })
	}
	require.Eventually(t, func() bool { return report.Stats().InFlight == 2 }, 10*time.Second, time.Millisecond)
	return quillstream.NewStream(registry, quillstream.StreamSettings{}), func() { close(release) }
}

// The original dashboard shows our stream, and the sum of three: what its tiles say is what
// was called.
func TestTheOriginalDashboardShowsTheStreamAndTheSum(t *testing.T) {
	var settings quillstream.AggregatorSettings
	var streams []*quillstream.Stream
	for _, ill := range []bool{true, false, true} {
		stream, end := instance(t, ill)
		t.Cleanup(end)
		server := httptest.NewServer(stream)
		t.Cleanup(server.Close)
		t.Cleanup(stream.Close)
		streams = append(streams, stream)
		settings.Upstreams = append(settings.Upstreams, quillstream.Upstream{URL: server.URL})
	}
	t.Run("one", func(t *testing.T) { showsOne(t, streams[0]) })
	t.Run("sum", func(t *testing.T) {
		sum, err := quillstream.NewAggregator(settings)
		require.NoError(t, err)
		t.Cleanup(sum.Close)
		showsSum(t, sum)
	})
}

const odd = "http://host:80/{id}.x"

func showsOne(t *testing.T, stream *quillstream.Stream) {
	t.Helper()
	page := dashboardtest.Open(t, dashboardtest.Stream{Title: "one instance", Handler: stream})
	tiles := page.Await(t, "every tile", func(tiles dashboardtest.Tiles) bool {
		return tiles.Shows("ratings-data", "not called yet", "report") && tiles.Command("movie-info").ErrorPercent != "" &&
			tiles.Command(odd).ErrorPercent != "" && tiles.Pool("the movie database").Executions != ""
	})
	movies := tiles.Command("movie-info")
	require.Equal(t, []string{"Open", "50.0", "12", "4", "8", "5", "0", "1"}, []string{
		movies.Circuit, movies.ErrorPercent, movies.Success, movies.Failure, movies.Timeout, movies.ShortCircuited, movies.Rejected, movies.Hosts,
	})
	require.Equal(t, "0.4", movies.Cluster, "24 calls in a minute")
	ratings := tiles.Command("ratings-data")
	require.Equal(t, []string{"Closed", "0.0", "150", "2"}, []string{ratings.Circuit, ratings.ErrorPercent, ratings.Success, ratings.BadRequest})
	require.Equal(t, "2.5", ratings.Cluster, "150 calls in a minute")
	fresh := tiles.Command("not called yet")
	require.Equal(t, []string{"Closed", "0.0", "0", "0.0"}, []string{fresh.Circuit, fresh.ErrorPercent, fresh.Success, fresh.Cluster})
	require.Equal(t, "3", tiles.Command(odd).Success)

	pool := tiles.Pool("report")
	require.Equal(t, []string{"2", "2", "0", "0", "0"}, []string{pool.Active, pool.MaxActive, pool.Queued, pool.Executions, pool.QueueSize})
	pool = tiles.Pool("the movie database")
	require.Equal(t, []string{"0", "24", "2", "0.4"}, []string{pool.Active, pool.Executions, pool.QueueSize, pool.Cluster})
	require.Empty(t, tiles.Pool(odd).Name, "a semaphore is no pool")
	require.Empty(t, page.Console(), "no message is skipped")
	page.Picture(t, "hystrix-stream.png")
}

func showsSum(t *testing.T, sum *quillstream.Aggregator) {
	t.Helper()
	page := dashboardtest.Open(t, dashboardtest.Stream{Title: "the sum of three instances", Handler: sum})
	tiles := page.Await(t, "three hosts", func(tiles dashboardtest.Tiles) bool {
		return tiles.Command("movie-info").Hosts == "3" && tiles.Command(odd).Hosts == "3" && tiles.Command("not called yet").Hosts == "3" &&
			tiles.Command("ratings-data").Success == "450" && tiles.Pool("the movie database").Executions == "60"
	})
	movies := tiles.Command("movie-info")
	require.Equal(t, []string{"Open 2 Closed 1", "33.3", "36", "8", "16", "10", "1.0", "0.3"}, []string{
		movies.Circuit, movies.ErrorPercent, movies.Success, movies.Failure, movies.Timeout, movies.ShortCircuited, movies.Cluster, movies.Host,
	})
	ratings := tiles.Command("ratings-data")
	require.Equal(t, []string{"Closed", "0.0", "450", "6", "7.5", "2.5"}, []string{
		ratings.Circuit, ratings.ErrorPercent, ratings.Success, ratings.BadRequest, ratings.Cluster, ratings.Host,
	})
	pool := tiles.Pool("the movie database")
	require.Equal(t, []string{"0", "60", "2", "1.0", "0.3"}, []string{pool.Active, pool.Executions, pool.QueueSize, pool.Cluster, pool.Host},
		"queue size and window are divided by the page")
	require.Equal(t, "6", tiles.Pool("report").Active)
	require.Empty(t, page.Console(), "no message is skipped")
	page.Picture(t, "hystrix-stream-sum.png")
}
