package quill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleStats() {
	ctx := context.Background()
	getTitle := quill.New("metrics-stats", fetchDown).
		FallbackTo(quill.New("metrics-replica", fetchTitle))
	for range 3 {
		_, _ = getTitle.Do(ctx, "550")
	}

	s := getTitle.Circuit().Stats()
	fmt.Println("window:", s.Window.Failure, "of", s.Window.Total(), "failed")
	fmt.Println("health:", s.Health.Errors, "errors,", s.Health.ErrorPercent, "%")
	fmt.Println("limits:", s.InFlight, "of", s.Settings.MaxConcurrent, "slots,", s.Queued, "queued")
	for _, step := range s.Fallbacks {
		fmt.Println("step:  ", step.Step, "answered", step.Answered)
	}
	// Output:
	// window: 3 of 3 failed
	// health: 3 errors, 100 %
	// limits: 0 of 10 slots, 0 queued
	// step:   metrics-replica answered 3
}

func ExampleStats_Open() {
	circuit := quill.NewCircuit("metrics-open")
	_ = circuit.Override(quill.ForceOpen, 0, "maintenance")

	s := circuit.Stats()
	fmt.Println(s.State, s.Override, s.Open()) // the breaker itself, what lies over it, both
	// Output: closed forced-open true
}

func ExampleCounts_Of() {
	s := trip("metrics-counts").Stats()
	for _, o := range quill.Outcomes() {
		if n := s.Total.Of(o); n > 0 {
			fmt.Println(o, n)
		}
	}
	// Output: failure 4
}

func ExampleLatency() {
	getTitle := quill.New("metrics-latency", fetchTitle)
	for range 100 {
		_, _ = getTitle.Do(context.Background(), "550")
	}

	l := getTitle.Circuit().Stats().Whole
	fmt.Println(l.Count(), l.Mean() > 0, l.Percentile(99) >= l.Percentile(50))
	// Output: 100 true true
}

func ExampleLatency_MarshalJSON() {
	circuit := quill.NewCircuit("metrics-json")
	circuit.Report(context.Background(), nil, time.Millisecond)
	circuit.Report(context.Background(), nil, 3*time.Millisecond)

	text, err := json.Marshal(circuit.Stats().Execution) // or the whole Stats
	fmt.Println(string(text), err)
	// Output: {"count":2,"meanMs":2,"p50Ms":1.015808,"p90Ms":3.014656,"p99Ms":3.014656,"p999Ms":3.014656,"maxMs":3.014656} <nil>
}
