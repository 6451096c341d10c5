// Package plugins has collectors that send what commands do to StatsD, Datadog or Graphite:
// those of hystrix-go's package of that name, by the standard library alone. A program makes
// one and registers it before its commands run:
//
//	client, err := plugins.InitializeStatsdCollector(&plugins.StatsdCollectorConfig{
//		StatsdAddr: "localhost:8125", Prefix: "shop.catalog",
//	})
//	...
//	metricCollector.Registry.Register(client.NewStatsdCollector)
package plugins
