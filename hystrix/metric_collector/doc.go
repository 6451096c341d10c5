// Package metricCollector is how programs written for hystrix-go get at what their commands
// do: they register a function that makes a [MetricCollector] for each circuit, and get a
// [MetricResult] for each command.
package metricCollector
