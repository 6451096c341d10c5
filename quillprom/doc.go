// Package quillprom shows the circuits of a registry to Prometheus.
//
//	prometheus.MustRegister(quillprom.New(nil, quillprom.Settings{}))
//
// One [Collector] for a whole registry, which it reads at each scrape: there is nothing to
// register for a command, nothing is kept up to date between scrapes, and every series of a
// circuit is there, at 0, before its first call.
//
// Names and labels are those of Hystrix's Prometheus bridge where that has one, so that its
// dashboards go on working. Rates and ratios are for the server to make: there are counters
// and histograms here, and no rolling windows. docs/observability.md lists every metric;
// dashboards/ has a Grafana dashboard, recording rules and alerts.
//
// The number of series is bounded ([Settings].MaxNames), and a counter never goes down,
// whatever circuits are made, removed or changed.
package quillprom
