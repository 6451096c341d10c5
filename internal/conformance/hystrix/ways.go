// Package hystrix predicts what Netflix Hystrix does in a scenario. It is a model of
// Hystrix in steps of a millisecond, made from measurements and without any of its code,
// and it knows nothing of quill but where the two mean to differ: each such place is a
// [Way]. With all ways it does what Hystrix does, with none of them what quill does.
package hystrix

import "slices"

// Way is a thing that Hystrix does in one way and quill, on purpose, in another. Its text is
// the id of the reason in the table of differences.
type Way string

// The ways, by what Hystrix does.
const (
	// RefusalReopens: a short-circuited call that ends while a probe runs reopens the circuit.
	RefusalReopens Way = "refusal-keeps-probe"
	// ProbeSpent: a probe that says nothing (canceled, refused, a bad request) reopens it.
	ProbeSpent Way = "probe-place-back"
	// LateCounts: the result of a call that was admitted before the circuit last moved
	// moves it, and is in the health.
	LateCounts Way = "late-results"
	// TimerMoves: the breaker is judged at every health snapshot and not with each result.
	TimerMoves Way = "only-calls-move"
	// FallbackHolds: a call holds its permit or thread, is in flight, and is not counted
	// before its fallback has ended.
	FallbackHolds Way = "permit-free-in-fallback"
	// SemaphoreDeaf: what runs under a semaphore hears of no timeout.
	SemaphoreDeaf Way = "semaphore-hears-timeout"
	// CanceledFallsBack: the error of a canceled body still runs the fallback.
	CanceledFallsBack Way = "no-fallback-after-cancel"
	// CauseLost: the error of a refused fallback does not hold the first cause.
	CauseLost Way = "cause-is-kept"
	// BareError: an error not to be wrapped comes bare although a fallback failed.
	BareError Way = "all-errors-are-told"
	// ErrorCaught: a java.lang.Error is a failure like others.
	ErrorCaught Way = "panic-goes-on"
	// ZeroIsZero: 0 is taken as a number.
	ZeroIsZero Way = "zero-is-default"
	// DisabledReportsForce: a disabled breaker that is forced open says that it is open.
	DisabledReportsForce Way = "one-override"
	// TwoPoolSizes: a pool starts with its core, then queues, then grows to its maximum.
	TwoPoolSizes Way = "one-pool-size"
	// SnapshotChecked: a snapshot interval that does not fit the window is refused.
	SnapshotChecked Way = "no-snapshots"
	// OneShot: a command object is executed once.
	OneShot Way = "commands-are-values"
	// UnsupportedIsMissing: a fallback that throws UnsupportedOperationException is none, and
	// one that is missing is a method that throws it, for which there must be a place.
	UnsupportedIsMissing Way = "no-word-for-missing"
)

// All returns every way: Hystrix.
func All() []Way {
	return []Way{
		RefusalReopens, ProbeSpent, LateCounts, TimerMoves, FallbackHolds, SemaphoreDeaf, CanceledFallsBack, CauseLost,
		BareError, ErrorCaught, ZeroIsZero, DisabledReportsForce, TwoPoolSizes, SnapshotChecked, OneShot,
		UnsupportedIsMissing,
	}
}

// Without returns all ways but one.
func Without(w Way) []Way { return slices.DeleteFunc(All(), func(x Way) bool { return x == w }) }
