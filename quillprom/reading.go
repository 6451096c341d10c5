package quillprom

import (
	"github.com/seed-f7c3343e/quill"
)

// What is counted, as indexes of counters.
const (
	success = iota
	failure
	timeout
	ignored
	canceled
	shortCircuited
	poolRejected
	semaphoreRejected
	fallbackSuccess
	fallbackFailure
	fallbackRejection
	fallbackMissing
	panics
	hookPanics
	lateResults
	storeErrors
	notificationsDropped
	configRejected
	numCounters
)

type counters [numCounters]uint64

// reading is what a circuit has counted since it was made.
type reading struct {
	counters

	rejected   uint64 // to be booked as rejectedAs
	rejectedAs int

	execution, whole quill.Latency
	steps            []quill.StepStats
	shadow           shadowReading
}

func readingOf(s *quill.Stats) reading {
	r := reading{
		rejected: s.Total.Rejected, rejectedAs: poolRejected,
		execution: s.TotalExecution, whole: s.TotalWhole, steps: s.Fallbacks,
	}
	if s.Settings.Isolation == quill.Semaphore {
		r.rejectedAs = semaphoreRejected
	}
	r.counters = counters{
		success:              s.Total.Success,
		failure:              s.Total.Failure,
		timeout:              s.Total.Timeout,
		ignored:              s.Total.Ignored,
		canceled:             s.Total.Canceled,
		shortCircuited:       s.Total.ShortCircuited,
		fallbackFailure:      s.Unanswered.Failed,
		fallbackRejection:    s.Unanswered.Rejected,
		fallbackMissing:      s.Unanswered.Missing,
		panics:               s.Panics,
		hookPanics:           s.HookPanics,
		lateResults:          s.LateResults,
		storeErrors:          s.StoreErrors,
		notificationsDropped: s.NotificationsDropped,
		configRejected:       s.ConfigRejected,
	}
	for _, step := range s.Fallbacks {
		r.counters[fallbackSuccess] += step.Answered
	}
	return r
}

// event is one value of the label event, as Hystrix's bridge has it. A call has several
// events, of which exactly one is terminal: the terminal ones add up to the calls.
type event struct {
	name     string
	terminal string
	bridge   bool // no circuit here can have it
	of       func(c *counters) uint64
}

func counted(i int) func(c *counters) uint64 { return func(c *counters) uint64 { return c[i] } }

func never(*counters) uint64 { return 0 }

// thrown are the calls whose caller got an error of the call's own making.
func thrown(c *counters) uint64 {
	return c[ignored] + c[fallbackFailure] + c[fallbackRejection] + c[fallbackMissing]
}

var events = []event{
	{name: "success", terminal: "true", of: counted(success)},
	{name: "failure", terminal: "false", of: counted(failure)},
	{name: "timeout", terminal: "false", of: counted(timeout)},
	{name: "bad_request", terminal: "true", of: counted(ignored)},
	{name: "short_circuited", terminal: "false", of: counted(shortCircuited)},
	{name: "thread_pool_rejected", terminal: "false", of: counted(poolRejected)},
	{name: "semaphore_rejected", terminal: "false", of: counted(semaphoreRejected)},
	{name: "fallback_success", terminal: "true", of: counted(fallbackSuccess)},
	{name: "fallback_failure", terminal: "true", of: counted(fallbackFailure)},
	{name: "fallback_rejection", terminal: "true", of: counted(fallbackRejection)},
	{name: "fallback_missing", terminal: "true", of: counted(fallbackMissing)},
	{name: "exception_thrown", terminal: "false", of: thrown},
	{name: "cancelled", terminal: "true", of: counted(canceled)},

	{name: "emit", terminal: "false", bridge: true, of: never},
	{name: "fallback_emit", terminal: "false", bridge: true, of: never},
	{name: "fallback_disabled", terminal: "true", bridge: true, of: never},
	{name: "response_from_cache", terminal: "true", bridge: true, of: never},
	{name: "collapsed", terminal: "false", bridge: true, of: never},
	{name: "command_max_active", terminal: "false", bridge: true, of: never},
}

// refusal is one value of the label reason.
type refusal struct {
	reason string
	of     func(c *counters) uint64
}

var refusals = []refusal{
	{reason: "circuit-open", of: counted(shortCircuited)},
	{reason: "bulkhead-full", of: func(c *counters) uint64 { return c[poolRejected] + c[semaphoreRejected] }},
}
