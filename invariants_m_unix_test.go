//go:build unix

package quill_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// report is what the child process of TestM02 tells of itself.
type report struct {
	Gap         time.Duration // the longest that no call ended
	Negative    int           // durations below 0
	Transitions []string
	Total       quill.Counts
	Window      uint64
	// Calls that ended so short a time ago that they must be in the window, or may be.
	Must, May uint64
}

const childOfM02 = "QUILL_TEST_CHILD_OF_M02"

// TestM02AStoppedProcessTripsNothing stops a process that makes calls for longer than its
// rolling window and its timeouts, and lets it go on. Calls that were under way may time
// out: if they are fewer than the volume the circuit does not open, else once at most, and
// the first probe closes it. No duration is negative, and the window rolls once: it holds
// what has ended since, no less and no more. With QUILL_THOROUGH set in the environment the
// process is stopped for ten seconds, else for one.
func TestM02AStoppedProcessTripsNothing(t *testing.T) {
	if callers, err := strconv.Atoi(os.Getenv(childOfM02)); err == nil {
		beStopped(callers)
	}
	t.Run("fewer calls than the volume", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, stopAndGoOn(t, 5).Transitions)
	})
	t.Run("more calls than the volume", func(t *testing.T) {
		t.Parallel()
		if told := stopAndGoOn(t, 40).Transitions; len(told) > 0 {
			require.Equal(t, []string{"open", "half-open", "closed"}, told)
		}
	})
}

// stopAndGoOn stops a process with so many callers, lets it go on, and returns its report.
func stopAndGoOn(t *testing.T, callers int) (r report) {
	t.Helper()
	stopped := time.Second
	if os.Getenv("QUILL_THOROUGH") != "" {
		stopped = 10 * time.Second
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestM02AStoppedProcessTripsNothing$")
	child.Env = append(os.Environ(), childOfM02+"="+strconv.Itoa(callers))
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan())
	require.Equal(t, "at work", lines.Text())

	require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
	<-time.After(stopped) // real time: the child stands still
	require.NoError(t, child.Process.Signal(syscall.SIGCONT))
	<-time.After(300 * ms) // real time: the child goes on
	require.NoError(t, stdin.Close())

	require.True(t, lines.Scan())
	require.NoError(t, json.Unmarshal(lines.Bytes(), &r), "%s", lines.Text())
	require.NoError(t, child.Wait())
	t.Logf("%+v", r)
	require.GreaterOrEqual(t, r.Gap, stopped*9/10, "it was stopped")
	require.Zero(t, r.Negative)
	require.LessOrEqual(t, r.Total.Timeout, uint64(callers), "only calls that were under way")
	require.Zero(t, r.Total.Failure+r.Total.Rejected)
	require.Less(t, r.Window, r.Total.Total(), "what came before it was stopped has left the window")
	require.Positive(t, r.Must)
	require.LessOrEqual(t, r.Must, r.Window, "what has ended since is in the window")
	require.LessOrEqual(t, r.Window, r.May, "and nothing else")
	return r
}

// beStopped makes calls until its standard input ends, says how it went, and exits.
func beStopped(n int) {
	var mu sync.Mutex
	var r report
	last, resumed := time.Now(), time.Now()
	var ended []time.Time // when each call was told, which is just after it was counted
	const window, bucket, soon = 500 * ms, 50 * ms, 50 * ms
	c := quill.NewCircuit("stopped", quill.WithRegistry(quill.NewRegistry()), quill.Settings{
		Timeout: 700 * ms, RollingWindow: window, SleepWindow: 10 * ms, MaxConcurrent: 100,
	}, quill.WithHooks(quill.Hooks{
		OnCall: func(_ context.Context, e quill.CallEvent) {
			mu.Lock()
			defer mu.Unlock()
			now := time.Now()
			if gap := now.Sub(last); gap > r.Gap {
				r.Gap, resumed = gap, now
			}
			last = now
			ended = append(ended, last)
			if e.Wait < 0 || e.Execute < 0 || e.Total < 0 {
				r.Negative++
			}
		},
		OnTransition: func(e quill.Transition) {
			mu.Lock()
			defer mu.Unlock()
			r.Transitions = append(r.Transitions, e.To.String())
		},
	}))
	end := make(chan struct{})
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
					_, _ = quill.Do(context.Background(), c, func(context.Context) (int, error) {
						<-time.After(2 * ms) // real time: this is the child
						return 0, nil
					})
				}
			}
		})
	}
	until := func(done func() bool) { // and read by who holds mu
		for over := false; !over; {
			<-time.After(10 * ms) // real time: this is the child
			mu.Lock()
			over = done()
			mu.Unlock()
		}
	}
	<-time.After(300 * ms) // real time: this is the child
	until(func() bool { return len(ended) > 0 })
	fmt.Println("at work")
	bufio.NewScanner(os.Stdin).Scan()
	until(func() bool { return last.Sub(resumed) > 2*soon }) // a busy machine may have let it wait
	close(end)
	callers.Wait()
	before := time.Now()
	s := c.Stats()
	after := time.Now()
	mu.Lock()
	r.Total, r.Window = s.Total, s.Window.Total()
	for _, at := range ended {
		// One may have been stopped when it was counted and not told yet.
		if after.Sub(at) < window-bucket-soon && at.Sub(resumed) > soon {
			r.Must++
		}
		if before.Sub(at) <= window {
			r.May++
		}
	}
	if s.RetryAfter < 0 || s.OverrideLeft < 0 || s.TotalExecution.Sum() < 0 {
		r.Negative++
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
	os.Exit(0)
}
