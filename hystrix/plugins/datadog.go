package plugins

import (
	"strconv"
	"strings"
	"time"

	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// The names of the metrics that a DatadogClient is given.
const (
	DM_CircuitOpen       = "hystrix.circuitOpen"
	DM_Attempts          = "hystrix.attempts"
	DM_Errors            = "hystrix.errors"
	DM_Successes         = "hystrix.successes"
	DM_Failures          = "hystrix.failures"
	DM_Rejects           = "hystrix.rejects"
	DM_ShortCircuits     = "hystrix.shortCircuits"
	DM_Timeouts          = "hystrix.timeouts"
	DM_FallbackSuccesses = "hystrix.fallbackSuccesses"
	DM_FallbackFailures  = "hystrix.fallbackFailures"
	DM_TotalDuration     = "hystrix.totalDuration"
	DM_RunDuration       = "hystrix.runDuration"
)

type (
	// DatadogClient is what a collector needs of a client of Datadog's.
	DatadogClient interface {
		Count(name string, value int64, tags []string, rate float64) error
		Gauge(name string, value float64, tags []string, rate float64) error
		TimeInMilliseconds(name string, value float64, tags []string, rate float64) error
	}

	// DatadogCollector sends what the commands of one circuit do to Datadog, under the names
	// above and with the tag hystrixcircuit:NAME.
	DatadogCollector struct {
		client DatadogClient
		tags   []string
	}
)

// NewDatadogCollector returns the function to register, which sends datagrams to an agent at
// host:port (or unix:// and a path). prefix stands before all names as it is. The error says
// that the address cannot be resolved.
func NewDatadogCollector(addr, prefix string) (func(string) metricCollector.MetricCollector, error) {
	p, err := dialPackets(addr)
	if err != nil {
		return nil, err
	}
	const lines, every = 100, 100 * time.Millisecond
	p.most, p.mostSize, p.every = LANStatsdFlushBytes, lines, every
	return NewDatadogCollectorWithClient(&dogstatsd{p, prefix}), nil
}

// NewDatadogCollectorWithClient is NewDatadogCollector with a client of the caller's.
func NewDatadogCollectorWithClient(client DatadogClient) func(string) metricCollector.MetricCollector {
	return func(name string) metricCollector.MetricCollector {
		return &DatadogCollector{client: client, tags: []string{"hystrixcircuit:" + name}}
	}
}

// Update sends the result of a command: counters above 0, the gauge circuitOpen after a
// success (0) and after a short circuit (1), the durations in whole milliseconds. What the
// client returns is not looked at.
func (dc *DatadogCollector) Update(r metricCollector.MetricResult) {
	if r.Successes > 0 {
		_ = dc.client.Gauge(DM_CircuitOpen, 0, dc.tags, 1)
	}
	if r.ShortCircuits > 0 {
		_ = dc.client.Gauge(DM_CircuitOpen, 1, dc.tags, 1)
	}
	for _, c := range classicCounters(&r) {
		if c.value > 0 {
			_ = dc.client.Count("hystrix."+c.name, int64(c.value), dc.tags, 1)
		}
	}
	_ = dc.client.TimeInMilliseconds(DM_TotalDuration, float64(r.TotalDuration.Milliseconds()), dc.tags, 1)
	_ = dc.client.TimeInMilliseconds(DM_RunDuration, float64(r.RunDuration.Milliseconds()), dc.tags, 1)
}

// Reset does nothing.
func (dc *DatadogCollector) Reset() {}

// dogstatsd is a DatadogClient that sends datagrams.
type dogstatsd struct {
	packets *packets
	prefix  string
}

func (d *dogstatsd) Count(name string, value int64, tags []string, _ float64) error {
	return d.send(name, strconv.FormatInt(value, 10), "|c", tags)
}

func (d *dogstatsd) Gauge(name string, value float64, tags []string, _ float64) error {
	return d.send(name, strconv.FormatFloat(value, 'f', -1, 64), "|g", tags)
}

func (d *dogstatsd) TimeInMilliseconds(name string, value float64, tags []string, _ float64) error {
	return d.send(name, strconv.FormatFloat(value, 'f', 6, 64), "|ms", tags)
}

// oneLine keeps what would begin another metric out of a tag.
var oneLine = strings.NewReplacer("\n", "", "\r", "")

func (d *dogstatsd) send(name, value, kind string, tags []string) error {
	line := d.prefix + name + ":" + value + kind
	if len(tags) > 0 {
		line += "|#" + oneLine.Replace(strings.Join(tags, ","))
	}
	return d.packets.add(line)
}
