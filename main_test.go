package quill

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets no goroutine of ours outlive the tests. Pools of the default registry (those
// of the examples) may have warm workers, which are dismissed; other tests clean up after
// themselves, or make everybody wait here until their workers have cooled down.
func TestMain(m *testing.M) {
	code := m.Run()
	for c := range DefaultRegistry.All() {
		c.bulkhead.DismissWorkers()
	}
	if code == 0 { // a test that failed may have left anything
		if err := noGoroutineLeft(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func noGoroutineLeft() (err error) {
	end := time.Now().Add(2*keepWarm + 5*time.Second)
	for time.Now().Before(end) {
		if err = goleak.Find(); err == nil { // Find waits for a moment by itself
			return nil
		}
	}
	return err
}
