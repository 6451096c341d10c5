package plugins

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"time"

	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// GraphiteCollectorConfig says where to send, and how often.
type GraphiteCollectorConfig struct {
	// GraphiteAddr is the address of the Graphite server's plain-text port.
	GraphiteAddr *net.TCPAddr
	// Prefix stands before all names, with a dot between.
	Prefix string
	// TickInterval is how often all metrics are sent; 0 or less: never.
	TickInterval time.Duration
}

// GraphiteCollector counts what the commands of one circuit do, for InitializeGraphiteCollector
// to send.
type GraphiteCollector struct {
	metrics *metrics
	name    string // of the circuit, as the metrics have it, with a dot behind
}

// all holds the metrics of all collectors.
var all = newMetrics()

// InitializeGraphiteCollector starts a goroutine that sends the metrics of all collectors to
// the server once in a TickInterval, as long as the program runs. What cannot be sent is
// logged.
func InitializeGraphiteCollector(config *GraphiteCollectorConfig) {
	if config.TickInterval <= 0 {
		return
	}
	c := *config
	go func() {
		for now := range time.Tick(c.TickInterval) {
			if err := all.sendTo(&c, now); err != nil {
				log.Printf("graphite collector: %v", err)
			}
		}
	}()
}

// NewGraphiteCollector returns the collector of one circuit: the function to register. Its
// metrics are named by Prefix, the circuit's name with each slash, colon and dot as a hyphen,
// and what they count.
func NewGraphiteCollector(name string) metricCollector.MetricCollector {
	return &GraphiteCollector{all, metricName(name) + "."}
}

// Update counts the result of a command.
func (g *GraphiteCollector) Update(r metricCollector.MetricResult) {
	for _, c := range classicCounters(&r) {
		if c.value != 0 {
			g.metrics.count(g.name+c.name, int64(c.value))
		}
	}
	now := time.Now()
	g.metrics.time(g.name+"totalDuration", r.TotalDuration, now)
	g.metrics.time(g.name+"runDuration", r.RunDuration, now)
}

// Reset does nothing.
func (g *GraphiteCollector) Reset() {}

// sendTo writes all metrics to the server: name, value and Unix second on a line each.
// Durations are in nanoseconds.
func (m *metrics) sendTo(config *GraphiteCollectorConfig, now time.Time) error {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", config.GraphiteAddr.String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // all was written, or the error is known
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	w := bufio.NewWriter(conn)
	for _, line := range m.lines(now) {
		fmt.Fprintf(w, "%s.%s %d\n", config.Prefix, line, now.Unix())
	}
	return w.Flush()
}
