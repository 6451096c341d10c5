//go:build race

package window

// raceDetector says that the tests run under the race detector.
const raceDetector = true
