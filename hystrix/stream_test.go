package hystrix_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/hystrix"
)

// pipeListener is a listener whose connections are pipes, which a bubble can wait for.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		l.conns <- there
		return here, nil
	}}}
}

// streaming is a started handler behind a server, and a client.
type streaming struct {
	handler  *hystrix.StreamHandler
	server   *http.Server
	client   *http.Client
	response *http.Response
	scanner  *bufio.Scanner
}

func stream(t *testing.T) *streaming {
	t.Helper()
	h := hystrix.NewStreamHandler()
	h.Start()
	return streamOf(t, h)
}

// streamOf is stream with a handler that other servers may have as well.
func streamOf(t *testing.T, h *hystrix.StreamHandler) *streaming {
	t.Helper()
	s := &streaming{handler: h}
	l := newPipeListener()
	s.server = &http.Server{Handler: s.handler}
	go func() { _ = s.server.Serve(l) }()
	s.client = l.client()
	s.open(t)
	return s
}

func (s *streaming) open(t *testing.T) {
	t.Helper()
	var err error
	s.response, err = s.client.Get("http://pipe/hystrix.stream") //nolint:bodyclose // by end
	require.NoError(t, err)
	s.scanner = bufio.NewScanner(s.response.Body)
	s.scanner.Buffer(nil, 1<<20)
}

// next returns the next n events.
func (s *streaming) next(t *testing.T, n int) (all []map[string]any) {
	t.Helper()
	for len(all) < n {
		require.True(t, s.scanner.Scan(), "the stream ended")
		line := s.scanner.Text()
		if line == "" {
			continue
		}
		text, ok := strings.CutPrefix(line, "data:")
		require.True(t, ok, line)
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &event))
		all = append(all, event)
	}
	return all
}

func (s *streaming) end(t *testing.T) {
	t.Helper()
	s.handler.Stop()
	for s.scanner.Scan() { // Stop ends the stream
	}
	require.NoError(t, s.response.Body.Close())
	s.client.CloseIdleConnections()
	require.NoError(t, s.server.Shutdown(context.Background()))
}

func TestKeptTheStreamTellsWhatCommandsDo(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 4, Timeout: 2000, SleepWindow: 7000, ErrorPercentThreshold: 60})
		s := stream(t)
		take := func(d time.Duration, err error) func() error {
			return func() error { pass(d); return err }
		}
		require.NoError(t, hystrix.Do(name, take(100*time.Millisecond, nil), nil))
		require.NoError(t, hystrix.Do(name, take(200*time.Millisecond, errSick), func(error) error { return nil }))
		require.Error(t, hystrix.Do(name, take(0, hystrix.ErrTimeout), func(error) error { return errSick }))
		require.Error(t, hystrix.Do(name, take(0, hystrix.ErrMaxConcurrency), nil))
		require.Error(t, hystrix.Do(name, well, nil)) // open
		events := s.next(t, 2)
		command, pool := events[0], events[1]
		for key, want := range map[string]any{
			"type": "HystrixCommand", "name": name, "group": name, "reportingHosts": 1.0,
			"requestCount": 5.0, "errorCount": 4.0, "errorPercentage": 80.0, "isCircuitBreakerOpen": true,
			"rollingCountSuccess": 1.0, "rollingCountFailure": 1.0, "rollingCountTimeout": 1.0,
			"rollingCountThreadPoolRejected": 1.0, "rollingCountShortCircuited": 1.0,
			"rollingCountFallbackSuccess": 1.0, "rollingCountFallbackFailure": 1.0,
			"rollingCountSemaphoreRejected": 0.0, "rollingCountExceptionsThrown": 0.0,
			"latencyExecute_mean":                                            75.0,
			"propertyValue_circuitBreakerRequestVolumeThreshold":             4.0,
			"propertyValue_circuitBreakerSleepWindowInMilliseconds":          7000.0,
			"propertyValue_circuitBreakerErrorThresholdPercentage":           60.0,
			"propertyValue_executionIsolationThreadTimeoutInMilliseconds":    2000.0,
			"propertyValue_metricsRollingStatisticalWindowInMilliseconds":    10000.0,
			"propertyValue_executionIsolationStrategy":                       "THREAD",
			"propertyValue_circuitBreakerEnabled":                            true,
			"propertyValue_circuitBreakerForceOpen":                          false,
			"propertyValue_executionIsolationThreadInterruptOnTimeout":       true,
			"propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests":  0.0,
			"propertyValue_executionIsolationSemaphoreMaxConcurrentRequests": 0.0,
		} {
			require.Equal(t, want, command[key], key)
		}
		require.EqualValues(t, time.Now().UnixMilli(), command["currentTime"])
		for key, want := range map[string]any{
			"type": "HystrixThreadPool", "name": name, "currentActiveCount": 0.0, "currentCorePoolSize": 10.0,
			"rollingCountThreadsExecuted": 4.0, "rollingMaxActiveThreads": 1.0, "currentCompletedTaskCount": 4.0,
			"propertyValue_metricsRollingStatisticalWindowInMilliseconds": 10000.0, "currentQueueSize": 0.0,
		} {
			require.Equal(t, want, pool[key], key)
		}
		s.end(t)
	})
}

// The keys of each event in their order, as hystrix-go writes them.
var (
	commandKeys = strings.Fields(`type name group currentTime reportingHosts requestCount errorCount errorPercentage isCircuitBreakerOpen
		rollingCountCollapsedRequests rollingCountExceptionsThrown rollingCountFailure rollingCountFallbackFailure
		rollingCountFallbackRejection rollingCountFallbackSuccess rollingCountResponsesFromCache rollingCountSemaphoreRejected
		rollingCountShortCircuited rollingCountSuccess rollingCountThreadPoolRejected rollingCountTimeout
		currentConcurrentExecutionCount latencyExecute_mean latencyExecute 0 25 50 75 90 95 99 99.5 100
		latencyTotal_mean latencyTotal 0 25 50 75 90 95 99 99.5 100
		propertyValue_circuitBreakerRequestVolumeThreshold propertyValue_circuitBreakerSleepWindowInMilliseconds
		propertyValue_circuitBreakerErrorThresholdPercentage propertyValue_circuitBreakerForceOpen
		propertyValue_circuitBreakerForceClosed propertyValue_circuitBreakerEnabled propertyValue_executionIsolationStrategy
		propertyValue_executionIsolationThreadTimeoutInMilliseconds propertyValue_executionIsolationThreadInterruptOnTimeout
		propertyValue_executionIsolationThreadPoolKeyOverride propertyValue_executionIsolationSemaphoreMaxConcurrentRequests
		propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests propertyValue_metricsRollingStatisticalWindowInMilliseconds
		propertyValue_requestCacheEnabled propertyValue_requestLogEnabled`)
	poolKeys = strings.Fields(`type name reportingHosts currentActiveCount currentCompletedTaskCount currentCorePoolSize
		currentLargestPoolSize currentMaximumPoolSize currentPoolSize currentQueueSize currentTaskCount rollingMaxActiveThreads
		rollingCountThreadsExecuted propertyValue_metricsRollingStatisticalWindowInMilliseconds propertyValue_queueSizeRejectionThreshold`)
)

func keysOf(t *testing.T, text string) (keys []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	isKey := false
	for {
		token, err := d.Token()
		if err != nil {
			return keys
		}
		if token == json.Delim('{') || token == json.Delim('}') {
			isKey = true
			continue
		}
		if isKey {
			keys = append(keys, token.(string))
		}
		isKey = !isKey
	}
}

func TestKeptTheStreamHasHystrixGosKeysInTheirOrder(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.Do(name, well, nil))
		s := stream(t)
		var lines []string
		for len(lines) < 4 {
			require.True(t, s.scanner.Scan())
			lines = append(lines, s.scanner.Text())
		}
		require.Empty(t, lines[1], "a blank line ends each event")
		require.Empty(t, lines[3])
		require.Equal(t, commandKeys, keysOf(t, strings.TrimPrefix(lines[0], "data:")))
		require.Equal(t, poolKeys, keysOf(t, strings.TrimPrefix(lines[2], "data:")))
		require.Equal(t, "text/event-stream", s.response.Header.Get("Content-Type"))
		require.Equal(t, "no-cache", s.response.Header.Get("Cache-Control"))
		s.end(t)
	})
}

func TestMended16RefusedCommandsAreNotInTheLatencies(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		s := stream(t)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 1, Timeout: 60_000})
		require.Error(t, hystrix.Do(name, func() error { pass(500 * time.Millisecond); return errSick }, nil))
		for range 20 {
			_ = hystrix.Do(name, well, nil)
		}
		e := s.next(t, 1)[0]
		require.EqualValues(t, 500, e["latencyExecute_mean"])
		low := e["latencyExecute"].(map[string]any)["0"].(float64)
		require.InDelta(t, 500, low, 32)
		s.end(t)
	})
}

// A percentile is the middle of a bucket that may begin below the calls in it.
func TestMended16PercentilesAreNotCutBelowTheCalls(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		s := stream(t)
		require.NoError(t, hystrix.Do(name, func() error { pass(5100 * time.Microsecond); return nil }, nil))
		e := s.next(t, 1)[0]
		require.EqualValues(t, 5, e["latencyExecute"].(map[string]any)["50"])
		s.end(t)
	})
}

func TestMended17NoEventIsLostHoweverManyCircuits(t *testing.T) {
	bubble(t, func(t *testing.T, _ string) {
		const circuits = 300
		for i := range circuits {
			require.NoError(t, hystrix.Do(fmt.Sprintf("command %03d", i), well, nil))
		}
		s := stream(t)
		for range 3 {
			events := s.next(t, 2*circuits)
			for i, e := range events {
				require.Equal(t, fmt.Sprintf("command %03d", i/2), e["name"])
			}
		}
		s.end(t)
	})
}

func TestMended17AHandlerIsServedAndStoppedAtAnyTime(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.Do(name, well, nil))
		s := stream(t)
		s.handler.Stop()
		s.handler.Stop()
		require.False(t, s.scanner.Scan(), "Stop ends connections")
		require.NoError(t, s.response.Body.Close())

		s.open(t) // before Start
		pass(5 * time.Second)
		s.handler.Start()
		s.handler.Start()
		began := time.Now()
		s.next(t, 2)
		require.Equal(t, time.Second, time.Since(began))
		s.next(t, 2)
		require.Equal(t, 2*time.Second, time.Since(began), "one loop, not two")
		s.end(t)
	})
}

func TestMended17ShutdownOfTheServerEndsItsStreams(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.Do(name, well, nil))
		s := stream(t)
		s.next(t, 2)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for s.scanner.Scan() { // a client that reads
			}
		}()
		began := time.Now()
		require.NoError(t, s.server.Shutdown(t.Context()))
		require.Less(t, time.Since(began), time.Second)
		<-ended
		require.NoError(t, s.response.Body.Close())
		s.client.CloseIdleConnections()
		s.handler.Stop()
	})
}

func TestShutdownOfAServerEndsNoStreamOfAnother(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.Do(name, well, nil))
		one := stream(t)
		other := streamOf(t, one.handler)
		one.next(t, 2)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for one.scanner.Scan() { // a client that reads
			}
		}()
		require.NoError(t, one.server.Shutdown(t.Context()))
		<-ended
		require.NoError(t, one.response.Body.Close())
		one.client.CloseIdleConnections()
		other.next(t, 20) // of ten seconds
		other.end(t)
	})
}

func TestAHandlerHoldsNoServerThatIsGone(t *testing.T) {
	h := hystrix.NewStreamHandler()
	serve := func() weak.Pointer[http.Server] {
		server := &http.Server{Handler: h}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), http.ServerContextKey, server))
		cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
		require.Equal(t, http.StatusOK, w.Code)
		return weak.Make(server)
	}
	gone := serve()
	for range 10 {
		runtime.GC()
	}
	require.Nil(t, gone.Value())
	serve() // which forgets those that are gone
	runtime.KeepAlive(h)
}

func TestMended17ReadingTheStreamOpensNothing(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		s := stream(t)
		openUp(t, name)
		pass(6 * time.Second)
		require.Equal(t, quill.Open, hystrix.QuillCircuit(name).State())
		require.Equal(t, true, s.next(t, 1)[0]["isCircuitBreakerOpen"])
		s.end(t)
	})
}

func TestMended17ASlowClientMissesWholeSecondsAndHoldsNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T, _ string) {
		for i := range 50 {
			require.NoError(t, hystrix.Do(fmt.Sprintf("command %02d", i), well, nil))
		}
		s := stream(t)
		pass(20 * time.Second) // the client reads nothing: its connection ends, not the handler
		began := time.Now()
		require.NoError(t, hystrix.Do("command 00", well, nil))
		require.Zero(t, time.Since(began))
		require.NoError(t, s.response.Body.Close())
		s.open(t)
		require.Len(t, s.next(t, 100), 100)
		s.end(t)
	})
}

// plain is a response that cannot be flushed.
type plain struct {
	header http.Header
	status int
	body   strings.Builder
}

func (p *plain) Header() http.Header         { return p.header }
func (p *plain) WriteHeader(status int)      { p.status = status }
func (p *plain) Write(b []byte) (int, error) { return p.body.Write(b) }

func TestKeptWithoutAFlusherThereIsNoStream(t *testing.T) {
	p := &plain{header: http.Header{}}
	hystrix.NewStreamHandler().ServeHTTP(p, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusInternalServerError, p.status)
	require.Equal(t, "Streaming unsupported!\n", p.body.String())
}

func TestTheNumberOfClientsIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, _ string) {
		h := hystrix.NewStreamHandler()
		h.Start()
		ctx, cancel := context.WithCancel(t.Context())
		var answers []*httptest.ResponseRecorder
		serve := func() {
			w := httptest.NewRecorder()
			answers = append(answers, w)
			go h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
			synctest.Wait()
		}
		for range 100 {
			serve()
		}
		serve()
		require.Equal(t, http.StatusServiceUnavailable, answers[100].Code)
		cancel()
		synctest.Wait()
		ctx, cancel = context.WithCancel(t.Context())
		serve()
		require.Equal(t, http.StatusOK, answers[101].Code)
		cancel()
		h.Stop()
	})
}

func TestTheStreamTellsOfSettingsThatHystrixGoHasNot(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.ConfigureQuill(name, quill.Settings{
			Isolation: quill.Semaphore, MaxConcurrent: 7, RollingWindow: time.Minute, QueueSize: 4, Override: quill.ForceOpen,
			MaxConcurrentFallbacks: 3,
		}))
		require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
		require.Error(t, hystrix.Do(name, func() error { return nil }, nil))
		s := stream(t)
		events := s.next(t, 2)
		for key, want := range map[string]any{
			"propertyValue_executionIsolationStrategy":                       "SEMAPHORE",
			"propertyValue_executionIsolationSemaphoreMaxConcurrentRequests": 7.0,
			"propertyValue_metricsRollingStatisticalWindowInMilliseconds":    60000.0,
			"propertyValue_circuitBreakerForceOpen":                          true,
			"propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests":  3.0,
			"rollingCountShortCircuited":                                     2.0,
		} {
			require.Equal(t, want, events[0][key], key)
		}
		require.EqualValues(t, 4, events[1]["propertyValue_queueSizeRejectionThreshold"])
		began := time.Now()
		for s.next(t, 2)[0]["requestCount"] != 0.0 { // until a minute is over
			require.Less(t, time.Since(began), time.Minute)
		}
		require.Greater(t, time.Since(began), 50*time.Second)
		s.end(t)
	})
}
