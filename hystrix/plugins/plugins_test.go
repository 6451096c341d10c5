package plugins_test

import (
	"bufio"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
	"github.com/seed-f7c3343e/quill/hystrix/plugins"
)

// listener is a server of datagrams.
func listener(t *testing.T, network, addr string) net.PacketConn {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), network, addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	return conn
}

func receive(t *testing.T, conn net.PacketConn) []string {
	t.Helper()
	buf := make([]byte, 1<<16)
	n, _, err := conn.ReadFrom(buf)
	require.NoError(t, err)
	return strings.Split(string(buf[:n]), "\n")
}

var failed = metricCollector.MetricResult{
	Attempts: 1, Errors: 1, Failures: 1, FallbackSuccesses: 1,
	TotalDuration: 1500 * time.Microsecond, RunDuration: time.Millisecond, ConcurrencyInUse: 0.35,
}

func TestStatsdSendsWhatACommandDid(t *testing.T) {
	conn := listener(t, "udp", "127.0.0.1:0")
	client, err := plugins.InitializeStatsdCollector(&plugins.StatsdCollectorConfig{StatsdAddr: conn.LocalAddr().String(), Prefix: "shop"})
	require.NoError(t, err)
	c := client.NewStatsdCollector("GET host:80/a.b")
	c.Update(failed)
	c.Reset()
	require.Equal(t, []string{
		"shop.GET host-80-a-b.attempts:1|c", "shop.GET host-80-a-b.errors:1|c", "shop.GET host-80-a-b.failures:1|c",
		"shop.GET host-80-a-b.fallbackSuccesses:1|c", "shop.GET host-80-a-b.totalDuration:1.5|ms",
		"shop.GET host-80-a-b.runDuration:1|ms", "shop.GET host-80-a-b.concurrencyInUse:35|ms",
	}, receive(t, conn))

	c.Update(metricCollector.MetricResult{Attempts: 1, Successes: 1})
	require.Contains(t, receive(t, conn), "shop.GET host-80-a-b.circuitOpen:0|g")
	c.Update(metricCollector.MetricResult{Attempts: 1, ShortCircuits: 1, ContextCanceled: 1, ContextDeadlineExceeded: 1})
	lines := receive(t, conn)
	for _, name := range []string{"circuitOpen:1|g", "shortCircuits:1|c", "contextCanceled:1|c", "contextDeadlineExceeded:1|c"} {
		require.Contains(t, lines, "shop.GET host-80-a-b."+name)
	}
}

func TestStatsdFillsDatagramsAndNoMore(t *testing.T) {
	conn := listener(t, "udp", "127.0.0.1:0")
	client, err := plugins.InitializeStatsdCollector(&plugins.StatsdCollectorConfig{StatsdAddr: conn.LocalAddr().String(), FlushBytes: 200})
	require.NoError(t, err)
	c := client.NewStatsdCollector("name")
	for range 10 {
		c.Update(failed)
	}
	var all []string
	for len(all) < 70 {
		lines := receive(t, conn)
		require.LessOrEqual(t, len(strings.Join(lines, "\n")), 200)
		all = append(all, lines...)
	}
	require.Len(t, all, 70)
	require.Equal(t, "name.attempts:1|c", all[0], "without a prefix there is no dot")
}

// This is hystrix-go's TestSampleRate, in our words.
func TestStatsdSamples(t *testing.T) {
	conn := listener(t, "udp", "127.0.0.1:0")
	client, err := plugins.InitializeStatsdCollector(&plugins.StatsdCollectorConfig{
		StatsdAddr: conn.LocalAddr().String(), SampleRate: 0.5, FlushBytes: 60_000,
	})
	require.NoError(t, err)
	c := client.NewStatsdCollector("name")
	for range 200 {
		c.Update(failed)
	}
	lines := receive(t, conn)
	require.InDelta(t, 700, len(lines), 200)
	for _, line := range lines {
		require.Regexp(t, `^name\.\w+:[0-9.]+\|(c|ms)\|@0\.500000$`, line)
	}
}

func TestStatsdWithoutAnAddressSendsNothing(t *testing.T) {
	client, err := plugins.InitializeStatsdCollector(&plugins.StatsdCollectorConfig{StatsdAddr: "no address"})
	require.Error(t, err)
	client.NewStatsdCollector("name").Update(failed)
}

func TestDatadogSendsWhatACommandDid(t *testing.T) {
	conn := listener(t, "udp", "127.0.0.1:0")
	collector, err := plugins.NewDatadogCollector(conn.LocalAddr().String(), "shop.")
	require.NoError(t, err)
	c := collector("GET\n/a.b")
	c.Update(failed)
	c.Reset()
	const tag = "|#hystrixcircuit:GET/a.b"
	require.Equal(t, []string{
		"shop.hystrix.attempts:1|c" + tag, "shop.hystrix.errors:1|c" + tag, "shop.hystrix.failures:1|c" + tag,
		"shop.hystrix.fallbackSuccesses:1|c" + tag, "shop.hystrix.totalDuration:1.000000|ms" + tag,
		"shop.hystrix.runDuration:1.000000|ms" + tag,
	}, receive(t, conn))
	_, err = plugins.NewDatadogCollector("no address", "")
	require.Error(t, err)
}

func TestDatadogSendsToAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dd")
	conn := listener(t, "unixgram", path)
	collector, err := plugins.NewDatadogCollector("unix://"+path, "")
	require.NoError(t, err)
	collector("name").Update(metricCollector.MetricResult{Attempts: 1, Successes: 1})
	require.Contains(t, receive(t, conn), "hystrix.circuitOpen:0|g|#hystrixcircuit:name")
	_, err = plugins.NewDatadogCollector("unix:///no/such/socket", "")
	require.Error(t, err)
}

func TestAnAgentThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dd")
	conn := listener(t, "unixgram", path)
	collector, err := plugins.NewDatadogCollector("unix://"+path, "")
	require.NoError(t, err)
	c := collector("name")
	const updates = 5000 // far more than a socket takes in
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range updates {
			c.Update(failed)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "Update waits for an agent that does not read")
	}
	told, news := 0, false
	for !news { // the agent reads again, and is sent what comes from then on
		c.Update(metricCollector.MetricResult{Attempts: 1, Successes: 1})
		for _, line := range receive(t, conn) {
			told += strings.Count(line, "hystrix.failures:1|c")
			news = news || strings.HasPrefix(line, "hystrix.successes:1|c")
		}
	}
	require.Positive(t, told)
	require.Less(t, told, updates, "what the socket did not take is lost")
}

// client is a client of a user's own.
type client struct{ calls []string }

func (c *client) Count(name string, value int64, tags []string, rate float64) error {
	return c.write(name, float64(value), tags, rate)
}

func (c *client) Gauge(name string, value float64, tags []string, rate float64) error {
	return c.write(name, value, tags, rate)
}

func (c *client) TimeInMilliseconds(name string, value float64, tags []string, rate float64) error {
	return c.write(name, value, tags, rate)
}

func (c *client) write(name string, value float64, tags []string, rate float64) error {
	if rate == 1 && slices.Equal(tags, []string{"hystrixcircuit:name"}) {
		c.calls = append(c.calls, name+" "+strconv.FormatFloat(value, 'f', -1, 64))
	}
	return nil
}

func TestDatadogUsesAClientOfTheCallers(t *testing.T) {
	mine := &client{}
	c := plugins.NewDatadogCollectorWithClient(mine)("name")
	c.Update(metricCollector.MetricResult{
		Attempts: 1, Errors: 1, Successes: 1, Failures: 1, Rejects: 1, ShortCircuits: 1, Timeouts: 1,
		FallbackSuccesses: 1, FallbackFailures: 1, RunDuration: 1999 * time.Microsecond, TotalDuration: 3 * time.Second,
	})
	require.ElementsMatch(t, []string{
		plugins.DM_CircuitOpen + " 0", plugins.DM_CircuitOpen + " 1", plugins.DM_Attempts + " 1", plugins.DM_Errors + " 1",
		plugins.DM_Successes + " 1", plugins.DM_Failures + " 1", plugins.DM_Rejects + " 1", plugins.DM_ShortCircuits + " 1",
		plugins.DM_Timeouts + " 1", plugins.DM_FallbackSuccesses + " 1", plugins.DM_FallbackFailures + " 1",
		plugins.DM_TotalDuration + " 3000", plugins.DM_RunDuration + " 1",
	}, mine.calls)
}

func TestAFullDatagramOfTheAgentHasAHundredLines(t *testing.T) {
	conn := listener(t, "udp", "127.0.0.1:0")
	collector, err := plugins.NewDatadogCollector(conn.LocalAddr().String(), "")
	require.NoError(t, err)
	c := collector("n")
	for range 100 {
		c.Update(metricCollector.MetricResult{Attempts: 1})
	}
	total := 0
	for total < 300 {
		lines := receive(t, conn)
		require.LessOrEqual(t, len(lines), 100)
		require.LessOrEqual(t, len(strings.Join(lines, "\n")), plugins.LANStatsdFlushBytes)
		total += len(lines)
	}
	require.Equal(t, 300, total)
}

// graphiteRuns is how often the test below has run in this process.
var graphiteRuns atomic.Int64

func TestGraphiteIsSentEverythingAtEachTick(t *testing.T) {
	server, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	run := strconv.FormatInt(graphiteRuns.Add(1), 10) // of each, the collectors stay
	c := plugins.NewGraphiteCollector("GET host:80/a.b" + run)
	c.Update(failed)
	c.Update(failed)
	c.Reset()
	plugins.InitializeGraphiteCollector(&plugins.GraphiteCollectorConfig{}) // never
	plugins.InitializeGraphiteCollector(&plugins.GraphiteCollectorConfig{
		GraphiteAddr: server.Addr().(*net.TCPAddr), Prefix: "shop", TickInterval: 10 * time.Millisecond,
	})
	conn, err := server.Accept()
	require.NoError(t, err)
	var lines []string
	for scanner := bufio.NewScanner(conn); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	require.NoError(t, server.Close()) // from now on the sender logs that it cannot
	text := regexp.MustCompile(`(?m) \d+$`).ReplaceAllString(strings.Join(lines, "\n"), "")
	shop := "shop.GET host-80-a-b" + run
	for _, want := range []string{
		shop + ".attempts.count 2", shop + ".fallbackSuccesses.count 2",
		shop + ".runDuration.count 2", shop + ".runDuration.min 1000000",
		shop + ".totalDuration.max 1500000", shop + ".totalDuration.mean 1500000.00",
		shop + ".totalDuration.std-dev 0.00", shop + ".totalDuration.99-percentile 1500000.00",
		shop + ".totalDuration.999-percentile 1500000.00",
	} {
		require.Contains(t, text, want)
	}
	for _, name := range []string{"one-minute", "five-minute", "fifteen-minute", "mean-rate", "50-percentile", "75-percentile", "95-percentile"} {
		require.Contains(t, text, shop+".totalDuration."+name+" ")
	}
	require.NotContains(t, text, shop+".successes.count")
}

// Nothing rests in a collector: a bubble ends.
func TestNoGoroutineWaitsForTheNextDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := plugins.InitializeStatsdCollector(&plugins.StatsdCollectorConfig{StatsdAddr: "127.0.0.1:9"})
		require.NoError(t, err)
		client.NewStatsdCollector("name").Update(failed)
		time.Sleep(2 * time.Second)
	})
}
