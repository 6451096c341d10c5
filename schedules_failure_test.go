//go:build explore

package quill

import (
	"fmt"
	"testing"
)

// TestC01FailuresThatTakeNoLockAreCountedAsInSomeOrderInEverySchedule: a failure is counted
// without the lock as long as it opens nothing. Whatever it meets, what comes of it is what
// would have come of some order, to the last late result.
func TestC01FailuresThatTakeNoLockAreCountedAsInSomeOrderInEverySchedule(t *testing.T) {
	success, failure, timeout, rejected := ended(Success), ended(Failure), ended(Timeout), ended(Rejected)
	mixes := map[string][3]deed{
		"three failures":                 {failure, failure, failure},
		"two failures and a success":     {failure, failure, success},
		"a failure and two successes":    {failure, success, success},
		"two failures and a timeout":     {failure, failure, timeout},
		"failure, timeout and success":   {failure, timeout, success},
		"failure, rejection and success": {failure, rejected, success},
		"two failures and a reset":       {failure, failure, reset},
		"two failures, then disabled":    {failure, failure, overridden(Disabled)},
		"one more is enough":             {failure, success, configured(func(s *Settings) { s.RequestVolumeThreshold-- })},
		"less is enough":                 {failure, failure, configured(func(s *Settings) { s.ErrorPercentThreshold = 34 })},
	}
	before := map[string][]deed{
		"successes are watched": {failure},
		"they are not":          {success, success, failure},
	}
	for state, first := range before {
		for name, mix := range mixes {
			for more := 1; more <= 2; more++ {
				settings := Settings{RequestVolumeThreshold: len(first) + more, ErrorPercentThreshold: 50}
				asInSomeOrder(t, fmt.Sprintf("%s, %s, %d more", state, name, more), settings, first, mix[:1], mix[1:2], mix[2:])
			}
		}
	}
}
