package quillstream_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// commandFields are those of a HystrixCommand as Java writes them, in its order; those
// that the original dashboard cannot do without are marked.
var commandFields = strings.Fields(`
	!type !name !group currentTime !isCircuitBreakerOpen !errorPercentage !errorCount !requestCount
	!rollingCountBadRequests !rollingCountCollapsedRequests rollingCountEmit !rollingCountExceptionsThrown
	!rollingCountFailure rollingCountFallbackEmit !rollingCountFallbackFailure rollingCountFallbackMissing
	!rollingCountFallbackRejection !rollingCountFallbackSuccess !rollingCountResponsesFromCache
	!rollingCountSemaphoreRejected !rollingCountShortCircuited !rollingCountSuccess
	!rollingCountThreadPoolRejected !rollingCountTimeout
	!currentConcurrentExecutionCount rollingMaxConcurrentExecutionCount
	!latencyExecute_mean !latencyExecute latencyTotal_mean latencyTotal
	!propertyValue_circuitBreakerRequestVolumeThreshold !propertyValue_circuitBreakerSleepWindowInMilliseconds
	!propertyValue_circuitBreakerErrorThresholdPercentage !propertyValue_circuitBreakerForceOpen
	!propertyValue_circuitBreakerForceClosed propertyValue_circuitBreakerEnabled
	!propertyValue_executionIsolationStrategy !propertyValue_executionIsolationThreadTimeoutInMilliseconds
	propertyValue_executionTimeoutInMilliseconds !propertyValue_executionIsolationThreadInterruptOnTimeout
	propertyValue_executionIsolationThreadPoolKeyOverride
	!propertyValue_executionIsolationSemaphoreMaxConcurrentRequests
	!propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests
	!propertyValue_metricsRollingStatisticalWindowInMilliseconds
	!propertyValue_requestCacheEnabled !propertyValue_requestLogEnabled !reportingHosts threadPool`)

// poolFields are those of a HystrixThreadPool.
var poolFields = strings.Fields(`
	!type !name currentTime !currentActiveCount !currentCompletedTaskCount !currentCorePoolSize
	!currentLargestPoolSize !currentMaximumPoolSize !currentPoolSize !currentQueueSize !currentTaskCount
	!rollingCountThreadsExecuted !rollingMaxActiveThreads rollingCountCommandRejections
	!propertyValue_queueSizeRejectionThreshold !propertyValue_metricsRollingStatisticalWindowInMilliseconds
	!reportingHosts`)

// keys returns the fields of a JSON object in their order.
func keys(t *testing.T, object string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	_, err := d.Token()
	require.NoError(t, err)
	var all []string
	for d.More() {
		key, err := d.Token()
		require.NoError(t, err)
		all = append(all, key.(string))
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
	}
	return all
}

func TestEveryFieldOfHystrixIsThereInItsOrderBeforeTheFirstCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		circuit(t, registry, "movie-info")
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		messages := read(s.open(t, "/"))
		for _, want := range []struct {
			typ    string
			fields []string
		}{{"HystrixCommand", commandFields}, {"HystrixThreadPool", poolFields}} {
			m := <-messages
			require.Equal(t, want.typ, m.fields(t)["type"])
			var names []string
			for _, f := range want.fields {
				name := strings.TrimPrefix(f, "!")
				names = append(names, name)
				if f != name {
					require.NotNil(t, m.fields(t)[name], "the dashboard drops a tile without %s", name)
				}
			}
			require.Equal(t, names, keys(t, m.data))
		}
	})
}

func TestLatenciesHaveHystrixsPercentiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		c := circuit(t, registry, "movie-info")
		call(t, c, 40*time.Millisecond, nil)
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		f := next(t, read(s.open(t, "/")), "HystrixCommand", "movie-info")
		require.InDelta(t, 40, f["latencyExecute_mean"], 0)
		for _, field := range []string{"latencyExecute", "latencyTotal"} {
			all := f[field].(map[string]any)
			require.Len(t, all, 9)
			for _, p := range []string{"0", "25", "50", "75", "90", "95", "99", "99.5", "100"} {
				require.InDelta(t, 40, all[p], 2.5, p)
			}
		}
	})
}

// The figures are those of Stats: what was called, what the dashboard shows.
func TestFiguresOfACommandAreThoseOfItsCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		settings := quill.Settings{
			Timeout: 100 * time.Millisecond, RequestVolumeThreshold: 10, ErrorPercentThreshold: 33.3,
			SleepWindow: 2 * time.Second, MaxConcurrent: 1, MaxConcurrentFallbacks: 7,
		}
		c := circuit(t, registry, "movie-info", settings)
		for range 6 {
			call(t, c, time.Millisecond, nil)
		}
		call(t, c, 0, quill.Ignore(errDown))
		call(t, c, time.Second, nil) // times out
		time.Sleep(time.Second)      // its slot comes free
		for range 2 {
			call(t, c, 0, errDown)
		}
		release := make(chan struct{})
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { <-release; return 0, nil })
		synctest.Wait()
		call(t, c, 0, nil) // rejected, and the tenth: opens
		call(t, c, 0, nil) // short-circuited

		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		got := next(t, read(s.open(t, "/")), "HystrixCommand", "movie-info")
		close(release)
		_, _ = f.Wait(t.Context())
		for field, want := range map[string]any{
			"isCircuitBreakerOpen": true, "errorPercentage": 40.0, "errorCount": 4.0, "requestCount": 10.0,
			"rollingCountSuccess": 6.0, "rollingCountFailure": 2.0, "rollingCountTimeout": 1.0,
			"rollingCountBadRequests": 1.0, "rollingCountThreadPoolRejected": 1.0, "rollingCountSemaphoreRejected": 0.0,
			"rollingCountShortCircuited": 1.0, "currentConcurrentExecutionCount": 1.0,
			"rollingMaxConcurrentExecutionCount": 1.0, "reportingHosts": 1.0, "threadPool": "movie-info", "group": "movie-info",
			"propertyValue_circuitBreakerRequestVolumeThreshold":             10.0,
			"propertyValue_circuitBreakerErrorThresholdPercentage":           34.0, // rounded up
			"propertyValue_circuitBreakerSleepWindowInMilliseconds":          2000.0,
			"propertyValue_executionIsolationThreadTimeoutInMilliseconds":    100.0,
			"propertyValue_executionTimeoutInMilliseconds":                   100.0,
			"propertyValue_executionIsolationStrategy":                       "THREAD",
			"propertyValue_executionIsolationThreadPoolKeyOverride":          nil,
			"propertyValue_executionIsolationSemaphoreMaxConcurrentRequests": 1.0,
			"propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests":  7.0,
			"propertyValue_metricsRollingStatisticalWindowInMilliseconds":    10000.0,
			"propertyValue_circuitBreakerForceOpen":                          false,
			"propertyValue_circuitBreakerForceClosed":                        false,
			"propertyValue_circuitBreakerEnabled":                            true,
			"propertyValue_executionIsolationThreadInterruptOnTimeout":       true,
			"propertyValue_requestCacheEnabled":                              false,
			"propertyValue_requestLogEnabled":                                false,
			"rollingCountCollapsedRequests":                                  0.0, "rollingCountResponsesFromCache": 0.0,
		} {
			require.Equal(t, want, got[field], field)
		}
	})
}

func TestOverridesAndLimitsOffAreSaidInHystrixsTerms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		semaphore := quill.Settings{
			Isolation: quill.Semaphore, MaxConcurrent: quill.Unlimited, Timeout: quill.NoTimeout,
			MaxConcurrentFallbacks: quill.Unlimited,
		}
		require.NoError(t, circuit(t, registry, "open").Override(quill.ForceOpen, 0, "a test"))
		require.NoError(t, circuit(t, registry, "closed").Override(quill.ForceClosed, 0, "a test"))
		require.NoError(t, circuit(t, registry, "disabled", semaphore).Override(quill.Disabled, 0, "a test"))
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		messages := read(s.open(t, "/"))
		const open, closed, enabled = "propertyValue_circuitBreakerForceOpen",
			"propertyValue_circuitBreakerForceClosed", "propertyValue_circuitBreakerEnabled"

		f := next(t, messages, "HystrixCommand", "closed")
		require.Equal(t, []any{false, false, true, true}, []any{f["isCircuitBreakerOpen"], f[open], f[closed], f[enabled]})
		f = next(t, messages, "HystrixCommand", "disabled")
		require.Equal(t, []any{false, false, false, false}, []any{f["isCircuitBreakerOpen"], f[open], f[closed], f[enabled]})
		require.Equal(t, "SEMAPHORE", f["propertyValue_executionIsolationStrategy"])
		require.Equal(t, float64(1<<31-1), f["propertyValue_executionIsolationSemaphoreMaxConcurrentRequests"])
		require.Equal(t, float64(1<<31-1), f["propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests"])
		require.Equal(t, 0.0, f["propertyValue_executionTimeoutInMilliseconds"])
		f = next(t, messages, "HystrixCommand", "open")
		require.Equal(t, []any{true, true, false, true}, []any{f["isCircuitBreakerOpen"], f[open], f[closed], f[enabled]})
	})
}

func TestPoolsAreShownOncePerBulkheadAndSemaphoresAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		shared := quill.NewBulkhead("database", quill.BulkheadSettings{MaxConcurrent: 3, QueueSize: 2})
		a := circuit(t, registry, "a", quill.WithBulkhead(shared))
		b := circuit(t, registry, "b", quill.WithBulkhead(shared))
		circuit(t, registry, "cheap", quill.Settings{Isolation: quill.Semaphore})
		circuit(t, registry, "database") // its own bulkhead has the same name
		for range 3 {
			call(t, a, time.Millisecond, nil)
		}
		var futures []*quill.Future[int]
		release := make(chan struct{})
		for range 6 { // three run, two wait, one is refused
			futures = append(futures, quill.Go(t.Context(), b, func(context.Context) (int, error) { <-release; return 0, nil }))
			synctest.Wait()
		}
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		messages := read(s.open(t, "/"))
		override := func(name string) any {
			return next(t, messages, "HystrixCommand", name)["propertyValue_executionIsolationThreadPoolKeyOverride"]
		}
		require.Equal(t, []any{"database", "database", nil, nil},
			[]any{override("a"), override("b"), override("cheap"), override("database")})
		first := (<-messages).fields(t)
		second := (<-messages).fields(t)
		require.Equal(t, []any{"HystrixThreadPool", "database"}, []any{first["type"], first["name"]})
		require.Equal(t, []any{"HystrixThreadPool", "database#2"}, []any{second["type"], second["name"]})
		for field, want := range map[string]float64{
			"currentActiveCount": 3, "currentQueueSize": 2, "currentCompletedTaskCount": 3, "currentTaskCount": 8,
			"currentCorePoolSize": 3, "currentMaximumPoolSize": 3, "currentPoolSize": 3, "currentLargestPoolSize": 3,
			"rollingCountThreadsExecuted": 3, "rollingMaxActiveThreads": 3, "rollingCountCommandRejections": 1,
			"propertyValue_queueSizeRejectionThreshold":                   2,
			"propertyValue_metricsRollingStatisticalWindowInMilliseconds": 10000, "reportingHosts": 1,
		} {
			require.Equal(t, want, first[field], field)
		}
		close(release)
		for _, f := range futures {
			_, _ = f.Wait(t.Context())
		}
		require.Equal(t, "HystrixCommand", (<-messages).fields(t)["type"], "two pools, then the next tick")
	})
}

// What a circuit counts only since it was made is counted from look to look.
func TestFallbacksOfTheWindowAreCountedWhileSomebodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		title := quill.New("title", func(_ context.Context, ok bool) (string, error) {
			return "", errDown
		}, quill.WithRegistry(registry), quill.Settings{RequestVolumeThreshold: 1000}).
			Fallback("replica", func(_ context.Context, ok bool, _ error) (string, error) {
				if ok {
					return "from the replica", nil
				}
				return "", errDown
			})
		bare := circuit(t, registry, "title")
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		messages := read(s.open(t, "/"))
		next(t, messages, "HystrixCommand", "title") // the first look
		for range 3 {
			_, _ = title.Do(t.Context(), true)
		}
		_, _ = title.Do(t.Context(), false)
		for range 2 {
			call(t, bare, 0, errDown) // without a fallback
		}
		call(t, bare, 0, quill.Ignore(errDown))
		counts := func(f map[string]any) []any {
			return []any{
				f["rollingCountFallbackSuccess"], f["rollingCountFallbackFailure"], f["rollingCountFallbackRejection"],
				f["rollingCountFallbackMissing"], f["rollingCountExceptionsThrown"],
			}
		}
		start := time.Now()
		f := next(t, messages, "HystrixCommand", "title")
		require.Equal(t, []any{3.0, 1.0, 0.0, 2.0, 4.0}, counts(f))
		for time.Since(start) < 9*time.Second {
			require.Equal(t, []any{3.0, 1.0, 0.0, 2.0, 4.0}, counts(next(t, messages, "HystrixCommand", "title")))
		}
		for time.Since(start) < 11*time.Second {
			f = next(t, messages, "HystrixCommand", "title")
		}
		require.Equal(t, []any{0.0, 0.0, 0.0, 0.0, 0.0}, counts(f), "they have left the window")
	})
}

func TestTheMostCallsAtOnceStayForAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		c := circuit(t, registry, "c", quill.Settings{Timeout: quill.NoTimeout})
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		messages := read(s.open(t, "/"))
		for range 4 {
			quill.Go(t.Context(), c, func(context.Context) (int, error) { time.Sleep(time.Second); return 0, nil })
		}
		start := time.Now()
		peaks := map[float64]bool{}
		for time.Since(start) < 10*time.Second {
			f := next(t, messages, "HystrixCommand", "c")
			peaks[f["rollingMaxConcurrentExecutionCount"].(float64)] = true
		}
		require.Contains(t, peaks, 4.0)
		for time.Since(start) < 13*time.Second {
			next(t, messages, "HystrixCommand", "c")
		}
		require.Equal(t, 0.0, next(t, messages, "HystrixCommand", "c")["rollingMaxConcurrentExecutionCount"])
		require.Equal(t, 4.0, next(t, messages, "HystrixThreadPool", "c")["currentLargestPoolSize"])
	})
}

func TestCircuitsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		res := s.open(t, "/") // an empty registry: the header comes all the same
		require.Equal(t, http.StatusOK, res.status)
		require.Equal(t, "text/event-stream;charset=UTF-8", res.header.Get("Content-Type"))
		require.Contains(t, res.header.Get("Cache-Control"), "no-cache")
		messages := read(res)
		time.Sleep(3 * time.Second)
		require.Empty(t, messages)
		circuit(t, registry, "late")
		next(t, messages, "HystrixCommand", "late")
		registry.Remove("late")
		time.Sleep(3 * time.Second)
		for len(messages) > 0 {
			<-messages
		}
		time.Sleep(3 * time.Second)
		require.Empty(t, messages)
	})
}

func TestNamesCannotBreakOutOfTheirMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		names := []string{`<script>alert("x")</script>`, `back\slash "quoted" /:{}.'`, "영화 정보", "data: {}"}
		for _, n := range names {
			circuit(t, registry, n)
		}
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		messages := read(s.open(t, "/"))
		var got []string
		for range names {
			m := <-messages
			require.NotContains(t, m.data, "<")
			got = append(got, m.fields(t)["name"].(string))
		}
		slices.Sort(names)
		require.Equal(t, names, got)
	})
}

func TestGroupNamesGroupsAndMayPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		circuit(t, registry, "movies.info")
		circuit(t, registry, "panics")
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{
			Group: func(name string) string {
				if name == "panics" {
					panic("group")
				}
				group, _, _ := strings.Cut(name, ".")
				return group
			},
		})})
		messages := read(s.open(t, "/"))
		require.Equal(t, "movies", next(t, messages, "HystrixCommand", "movies.info")["group"])
		require.Equal(t, "panics", next(t, messages, "HystrixCommand", "panics")["group"])
	})
}

// Work whose caller has left is counted as ended only when its slot is free.
func TestAbandonedWorkIsNotCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		c := circuit(t, registry, "c", quill.Settings{Timeout: time.Second})
		call(t, c, 0, nil)
		call(t, c, time.Minute, nil) // its caller leaves after a second
		s := serve(t, &http.Server{Handler: quillstream.NewStream(registry, quillstream.StreamSettings{})})
		messages := read(s.open(t, "/"))
		pool := next(t, messages, "HystrixThreadPool", "c")
		require.Equal(t, []any{1.0, 1.0, 2.0}, []any{pool["currentActiveCount"], pool["currentCompletedTaskCount"], pool["currentTaskCount"]})
		time.Sleep(time.Minute)
		drain(messages)
		pool = next(t, messages, "HystrixThreadPool", "c")
		require.Equal(t, []any{0.0, 2.0, 2.0}, []any{pool["currentActiveCount"], pool["currentCompletedTaskCount"], pool["currentTaskCount"]})
	})
}
