//go:build race

package regressions_test

// raceDetector is whether the race detector is on: then every step costs ten times as much.
const raceDetector = true
