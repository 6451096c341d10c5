package plugins

import (
	"log"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// How many bytes a datagram may have on its way: over the internet, in a usual local network,
// in one with jumbo frames.
const (
	WANStatsdFlushBytes     = 512
	LANStatsdFlushBytes     = 1432
	GigabitStatsdFlushBytes = 8932
)

// StatsdCollectorConfig says where to send, and how much.
type StatsdCollectorConfig struct {
	// StatsdAddr is the host:port of the StatsD server, which is sent datagrams.
	StatsdAddr string
	// Prefix, if not empty, stands before all names, with a dot between.
	Prefix string
	// SampleRate is the share of the metrics that is sent; 0 means 1, all of them.
	SampleRate float32
	// FlushBytes is the size of a datagram; 0 means LANStatsdFlushBytes.
	FlushBytes int
}

// StatsdCollectorClient makes collectors that share a connection. It need not be closed.
type StatsdCollectorClient struct {
	packets    *packets // nil: nothing is sent
	prefix     string
	sampleRate float32
}

// StatsdCollector sends what the commands of one circuit do to a StatsD server.
type StatsdCollector struct {
	client *StatsdCollectorClient
	name   string // of the circuit, as the metrics have it, with a dot behind
}

// InitializeStatsdCollector returns a client for the server. If the address cannot be
// resolved it returns the error, and a client that sends nothing.
func InitializeStatsdCollector(config *StatsdCollectorConfig) (*StatsdCollectorClient, error) {
	c := &StatsdCollectorClient{prefix: config.Prefix, sampleRate: config.SampleRate}
	if c.sampleRate == 0 {
		c.sampleRate = 1
	}
	if c.prefix != "" {
		c.prefix += "."
	}
	p, err := dialPackets(config.StatsdAddr)
	if err != nil {
		log.Printf("statsd collector sends nothing: %v", err)
		return c, err
	}
	p.most, p.every = config.FlushBytes, time.Second
	if p.most == 0 {
		p.most = LANStatsdFlushBytes
	}
	c.packets = p
	return c, nil
}

// NewStatsdCollector returns the collector of one circuit: the function to register. Its
// metrics are named by Prefix, the circuit's name with each slash, colon and dot as a hyphen,
// and what they count.
func (s *StatsdCollectorClient) NewStatsdCollector(name string) metricCollector.MetricCollector {
	return &StatsdCollector{client: s, name: metricName(name) + "."}
}

var hyphens = strings.NewReplacer("/", "-", ":", "-", ".", "-")

// metricName is the name of a circuit as a part of a metric's.
func metricName(circuit string) string { return hyphens.Replace(circuit) }

// Update sends the result of a command: counters that are not 0, the gauge circuitOpen after
// a success (0) or a short circuit (1), the durations, and the per cent of concurrency in use
// as a timing.
func (g *StatsdCollector) Update(r metricCollector.MetricResult) {
	if r.Successes > 0 {
		g.send("circuitOpen", "0", "|g")
	} else if r.ShortCircuits > 0 {
		g.send("circuitOpen", "1", "|g")
	}
	for _, c := range counters(&r) {
		if c.value != 0 {
			g.send(c.name, strconv.FormatInt(int64(c.value), 10), "|c")
		}
	}
	g.send("totalDuration", durationText(r.TotalDuration), "|ms")
	g.send("runDuration", durationText(r.RunDuration), "|ms")
	g.send("concurrencyInUse", strconv.FormatInt(int64(100*r.ConcurrencyInUse), 10), "|ms")
}

// Reset does nothing.
func (g *StatsdCollector) Reset() {}

// counter is one counter of a result.
type counter struct {
	name  string
	value float64
}

func counters(r *metricCollector.MetricResult) []counter {
	return append(classicCounters(r),
		counter{"contextCanceled", r.ContextCanceled},
		counter{"contextDeadlineExceeded", r.ContextDeadlineExceeded})
}

// classicCounters are those that every plugin sends.
func classicCounters(r *metricCollector.MetricResult) []counter {
	return []counter{
		{"attempts", r.Attempts},
		{"errors", r.Errors},
		{"successes", r.Successes},
		{"failures", r.Failures},
		{"rejects", r.Rejects},
		{"shortCircuits", r.ShortCircuits},
		{"timeouts", r.Timeouts},
		{"fallbackSuccesses", r.FallbackSuccesses},
		{"fallbackFailures", r.FallbackFailures},
	}
}

func (g *StatsdCollector) send(name, value, kind string) {
	c := g.client
	if c.packets == nil {
		return
	}
	line := c.prefix + g.name + name + ":" + value + kind
	if c.sampleRate < 1 {
		if rand.Float32() >= c.sampleRate { //nolint:gosec // a sample
			return
		}
		line += "|@" + strconv.FormatFloat(float64(c.sampleRate), 'f', 6, 32)
	}
	if err := c.packets.add(line); err != nil {
		log.Printf("statsd collector: %v", err)
	}
}

// durationText is d in milliseconds.
func durationText(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64)
}
