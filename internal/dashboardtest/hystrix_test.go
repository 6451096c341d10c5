package dashboardtest_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/hystrix"
	"github.com/seed-f7c3343e/quill/internal/dashboardtest"
)

// TestHystrixStreamShowsOnTheOriginalDashboard: what a program that came from hystrix-go
// streams is what the dashboard that it was made for shows.
func TestHystrixStreamShowsOnTheOriginalDashboard(t *testing.T) {
	defer hystrix.Flush()
	stream := hystrix.NewStreamHandler()
	stream.Start()
	defer stream.Stop()
	const odd = "GET http://ratings:8083/{user}.json"
	names := []string{"movie-info", "ratings", "recommendations", "search", odd}
	page := dashboardtest.Open(t, dashboardtest.Stream{Title: "hystrix.stream of quill", Handler: stream})
	playCommands(t, odd)

	tiles := page.Await(t, "every command with its numbers", func(tiles dashboardtest.Tiles) bool {
		// The first that was called, the last, and the last of each message: all are of one moment.
		return tiles.Shows(names...) && tiles.Command("ratings").ShortCircuited == "10" &&
			tiles.Command("recommendations").Timeout == "3" && tiles.Command(odd).Failure == "5" &&
			tiles.Command("search").Rejected == "4" && len(tiles.Pools) == len(names)
	})
	require.Len(t, tiles.Commands, len(names))
	require.Len(t, tiles.Pools, len(names))

	calm := tiles.Command("movie-info")
	require.Equal(t, []string{"Closed", "0.0", "120", "0", "0", "0", "0", "1"},
		[]string{calm.Circuit, calm.ErrorPercent, calm.Success, calm.Failure, calm.Timeout, calm.Rejected, calm.ShortCircuited, calm.Hosts})
	require.Equal(t, "12.0", calm.Host, "120 requests in a window of 10 s")
	require.Equal(t, "120", tiles.Pool("movie-info").Executions)
	median, err := strconv.Atoi(calm.Median)
	require.NoError(t, err)
	require.GreaterOrEqual(t, median, 5, "milliseconds")

	open := tiles.Command("ratings")
	require.Equal(t, []string{"Open", "20", "10"}, []string{open.Circuit, open.Failure, open.ShortCircuited})

	slow := tiles.Command("recommendations")
	require.Equal(t, []string{"Closed", "3", "6"}, []string{slow.Circuit, slow.Timeout, slow.Success})

	full := tiles.Command("search")
	require.Equal(t, []string{"Closed", "4", "1"}, []string{full.Circuit, full.Rejected, full.Success})
	require.Equal(t, "1", tiles.Pool("search").PoolSize, "MaxConcurrentRequests")

	half := tiles.Command(odd)
	require.Equal(t, []string{"Closed", "25.0", "15", "5"}, []string{half.Circuit, half.ErrorPercent, half.Success, half.Failure})

	page.Await(t, "the circles in their colors", func(tiles dashboardtest.Tiles) bool {
		return strings.HasPrefix(tiles.Command("ratings").Color, "rgb(255, ") && // red, and all but red
			strings.HasPrefix(tiles.Command("movie-info").Color, "rgb(0, ")
	})
	page.Picture(t, "hystrix-dashboard.png")
}

// playCommands brings about, in each command, one of the things that a tile can tell.
func playCommands(t *testing.T, odd string) {
	t.Helper()
	errDown := errors.New("down")
	run := func(name string, times int, result error) {
		for range times {
			_ = hystrix.Do(name, func() error { return result }, nil)
		}
	}
	const patient = 60_000 // a browser is at work beside them
	hystrix.Configure(map[string]hystrix.CommandConfig{
		"movie-info":      {MaxConcurrentRequests: 50, Timeout: patient},
		"ratings":         {MaxConcurrentRequests: 50, Timeout: patient, SleepWindow: 60_000},
		"recommendations": {Timeout: patient},
		"search":          {MaxConcurrentRequests: 1, Timeout: patient},
		odd:               {MaxConcurrentRequests: 50, Timeout: patient, RequestVolumeThreshold: 100},
	})
	for range 120 {
		_ = hystrix.Do("movie-info", func() error {
			<-time.After(5 * time.Millisecond) // real time: the page is in a browser
			return nil
		}, nil)
	}
	run("ratings", 20, errDown)
	run("ratings", 10, errDown)
	run("recommendations", 6, nil)
	hystrix.ConfigureCommand("recommendations", hystrix.CommandConfig{Timeout: 20})
	for range 3 {
		released := make(chan struct{})
		require.Error(t, hystrix.Do("recommendations", func() error { <-released; return nil }, nil))
		close(released)
	}
	started, released := make(chan struct{}), make(chan struct{})
	failed := hystrix.Go("search", func() error { close(started); <-released; return nil }, nil)
	<-started
	run("search", 4, nil)
	close(released)
	require.Empty(t, failed)
	run(odd, 15, nil)
	run(odd, 5, errDown)
}
