package dashboardtest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/dashboardtest"
)

// told is a stream that tells the same events every half second.
func told(events ...map[string]any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		again := time.NewTicker(500 * time.Millisecond)
		defer again.Stop()
		for {
			for _, event := range events {
				data, err := json.Marshal(event)
				if err != nil {
					panic(err)
				}
				_, _ = io.WriteString(w, "data:"+string(data)+"\n\n")
			}
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-again.C:
			}
		}
	})
}

// command is an event with every key that the page wants, changed as told.
func command(name string, change map[string]any) map[string]any {
	event := map[string]any{
		"type": "HystrixCommand", "name": name, "group": name, "isCircuitBreakerOpen": false,
		"errorPercentage": 25, "errorCount": 500, "requestCount": 2000, "rollingCountCollapsedRequests": 0,
		"rollingCountExceptionsThrown": 0, "rollingCountFailure": 300, "rollingCountFallbackFailure": 0,
		"rollingCountFallbackRejection": 0, "rollingCountFallbackSuccess": 0, "rollingCountResponsesFromCache": 0,
		"rollingCountSemaphoreRejected": 7, "rollingCountShortCircuited": 11, "rollingCountSuccess": 1500,
		"rollingCountThreadPoolRejected": 5, "rollingCountTimeout": 195, "currentConcurrentExecutionCount": 3,
		"latencyExecute_mean": 41, "latencyExecute": map[string]int{"50": 42, "90": 43, "99": 44, "99.5": 45},
		"propertyValue_circuitBreakerRequestVolumeThreshold": 20, "propertyValue_circuitBreakerSleepWindowInMilliseconds": 5000,
		"propertyValue_circuitBreakerErrorThresholdPercentage": 50, "propertyValue_circuitBreakerForceOpen": false,
		"propertyValue_circuitBreakerForceClosed": false, "propertyValue_executionIsolationStrategy": "THREAD",
		"propertyValue_executionIsolationThreadTimeoutInMilliseconds":    1000,
		"propertyValue_executionIsolationThreadInterruptOnTimeout":       true,
		"propertyValue_executionIsolationSemaphoreMaxConcurrentRequests": 10,
		"propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests":  10, "propertyValue_requestCacheEnabled": true,
		"propertyValue_requestLogEnabled": true, "propertyValue_metricsRollingStatisticalWindowInMilliseconds": 10000,
	}
	maps.Copy(event, change)
	for key, value := range change {
		if value == nil {
			delete(event, key)
		}
	}
	return event
}

func pool(name string) map[string]any {
	return map[string]any{
		"type": "HystrixThreadPool", "name": name, "currentActiveCount": 1, "currentCompletedTaskCount": 2,
		"currentCorePoolSize": 3, "currentLargestPoolSize": 4, "currentMaximumPoolSize": 5, "currentPoolSize": 6,
		"currentQueueSize": 7, "currentTaskCount": 8, "rollingCountThreadsExecuted": 1230, "rollingMaxActiveThreads": 10,
		"propertyValue_queueSizeRejectionThreshold": 11, "propertyValue_metricsRollingStatisticalWindowInMilliseconds": 10000,
	}
}

func TestTilesAreReadAsThePageShowsThem(t *testing.T) {
	const odd = "http://host:80/{id}.x"
	page := dashboardtest.Open(t, dashboardtest.Stream{Title: "one", Handler: told(
		command("threads", nil), pool("threads"),
		command(odd, map[string]any{"isCircuitBreakerOpen": true, "propertyValue_executionIsolationStrategy": "SEMAPHORE"}), pool(odd),
		command("forced", map[string]any{"propertyValue_circuitBreakerForceOpen": true, "errorPercentage": 100}),
		command("two hosts", map[string]any{"reportingHosts": 2, "isCircuitBreakerOpen": map[string]int{"true": 1, "false": 1}}),
		command("lacking", map[string]any{"rollingCountTimeout": nil}),
	)})
	tiles := page.Await(t, "the tiles", func(tiles dashboardtest.Tiles) bool {
		return tiles.Shows("threads", odd) && tiles.Command("two hosts").Hosts == "2" && tiles.Command("forced").ErrorPercent != ""
	})

	threads := tiles.Command("threads")
	threads.Color = "" // it is turned for a moment after the numbers
	require.Equal(t, dashboardtest.Command{
		Name: "threads", Circuit: "Closed", ErrorPercent: "25.0", Success: "1,500", ShortCircuited: "11", BadRequest: "0",
		Timeout: "195", Rejected: "5", Failure: "300", Host: "200.0", Cluster: "200.0", Hosts: "1",
		Median: "42", Mean: "41", P90: "43", P99: "44", P995: "45",
	}, threads)
	require.Equal(t, dashboardtest.Pool{
		Name: "threads", Active: "1", MaxActive: "10", Queued: "7", Executions: "1,230", PoolSize: "6", QueueSize: "11",
		Host: "123.0", Cluster: "123.0",
	}, tiles.Pool("threads"))
	require.Equal(t, "Open", tiles.Command(odd).Circuit)
	require.Equal(t, "7", tiles.Command(odd).Rejected, "of the semaphore")
	require.Equal(t, "Forced Open", tiles.Command("forced").Circuit)
	require.Equal(t, "Open 1 Closed 1", tiles.Command("two hosts").Circuit)
	require.Equal(t, "12.5", tiles.Command("two hosts").ErrorPercent, "the sum over hosts, divided")

	require.False(t, tiles.Shows("lacking"), "a message without a key has no tile")
	require.Contains(t, page.Console(), "Failed preProcessData: Key Missing: rollingCountTimeout for lacking")
}

func TestProxyFetchesOnlyTheStreamsOfItsTest(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	page := dashboardtest.Open(t, dashboardtest.Stream{Title: "one", Handler: told(command("a", nil), pool("a"))})
	page.Await(t, "the tile", func(tiles dashboardtest.Tiles) bool { return tiles.Shows("a") })
	require.Equal(t, http.StatusForbidden, page.Proxy(t, other.URL))
}
