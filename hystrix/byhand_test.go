package hystrix_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/hystrix"
)

// callback is a logger that calls back when a request is allowed.
type callback func()

func (f callback) Printf(format string, _ ...any) {
	if format == "hystrix-go: allowing single test to possibly close circuit %v" {
		f()
	}
}

func TestMended19ALoggerMayCallBackFromAllowRequest(t *testing.T) {
	for what, call := range map[string]func(t *testing.T, name string){
		"a command": func(t *testing.T, name string) {
			require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
		},
		"AllowRequest": func(t *testing.T, name string) {
			require.False(t, circuit(t, name).AllowRequest())
		},
		"ReportEvent": func(t *testing.T, name string) {
			require.NoError(t, circuit(t, name).ReportEvent([]string{"timeout"}, time.Now(), 0))
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				openUp(t, name)
				pass(5 * time.Second)
				calls := 0
				hystrix.SetLogger(callback(func() { calls++; call(t, name) }))
				defer hystrix.SetLogger(nil)
				require.True(t, circuit(t, name).AllowRequest())
				require.Equal(t, 1, calls)
			})
		})
	}
}

func TestALoggerThatPanicsInAllowRequestLeavesAProbeToForget(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		openUp(t, name)
		pass(5 * time.Second)
		hystrix.SetLogger(callback(func() { panic("no more paper") }))
		defer hystrix.SetLogger(nil)
		c := circuit(t, name)
		require.PanicsWithValue(t, "no more paper", func() { c.AllowRequest() })
		hystrix.SetLogger(nil)
		require.False(t, c.AllowRequest(), "its place is taken")
		pass(5 * time.Second)
		require.True(t, c.AllowRequest())
		require.Equal(t, 1, hystrix.QuillCircuit(name).Stats().InFlight)
	})
}

// waiting is a half-open circuit whose one slot is taken, by work from before it opened, and
// where AllowRequest waits for it. What it returns comes over the channel; release gives the
// slot back.
func waiting(t *testing.T, name string) (allowed chan bool, release func()) {
	t.Helper()
	require.NoError(t, hystrix.ConfigureQuill(name, quill.Settings{
		MaxConcurrent: 1, QueueSize: 5, Timeout: time.Minute, RequestVolumeThreshold: 2, SleepWindow: time.Second,
	}))
	h := newHang()
	hystrix.Go(name, h.run, nil)
	<-h.running
	for range 2 {
		require.NoError(t, circuit(t, name).ReportEvent([]string{"failure"}, time.Now(), 0))
	}
	pass(time.Second)
	allowed = make(chan bool, 1)
	c := circuit(t, name)
	go func() { allowed <- c.AllowRequest() }()
	synctest.Wait()
	require.Equal(t, quill.HalfOpen, hystrix.QuillCircuit(name).State())
	require.Equal(t, 1, hystrix.QuillCircuit(name).Stats().Queued)
	return allowed, func() { close(h.release); synctest.Wait() }
}

func TestAllowRequestInTheQueueHoldsNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		allowed, release := waiting(t, name)
		began := time.Now()
		for range 3 { // the first sees that the circuit is half-open, the others know
			require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
			require.False(t, circuit(t, name).AllowRequest(), "somebody is asking")
		}
		require.NoError(t, circuit(t, name).ReportEvent([]string{"short-circuit"}, time.Now(), 0))
		require.Zero(t, time.Since(began))
		release()
		require.True(t, <-allowed)
		require.NoError(t, circuit(t, name).ReportEvent([]string{"success"}, time.Now(), 0))
		require.NoError(t, hystrix.Do(name, well, nil))
	})
}

// Who waited for the place of the probe and finds the circuit closed holds no slot: nobody
// would give it back.
func TestAllowRequestThatFindsTheCircuitClosedHoldsNoSlot(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		allowed, release := waiting(t, name)
		require.NoError(t, circuit(t, name).ReportEvent([]string{"success"}, time.Now(), 0))
		require.False(t, circuit(t, name).IsOpen())
		release()
		require.True(t, <-allowed)
		require.Zero(t, hystrix.QuillCircuit(name).Stats().InFlight)
		require.NoError(t, hystrix.Do(name, well, nil))
	})
}

func TestAProbeOfAllowRequestGivesItsSlotBackWhateverClosedTheCircuit(t *testing.T) {
	for what, back := range map[string]func(t *testing.T, name string){
		"a sleep window": func(t *testing.T, name string) {
			pass(time.Second)
			require.NoError(t, hystrix.Do(name, well, nil))
		},
		"a success": func(t *testing.T, name string) {
			require.NoError(t, circuit(t, name).ReportEvent([]string{"success"}, time.Now(), 0))
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 1, RequestVolumeThreshold: 1, SleepWindow: 1000})
				_ = hystrix.Do(name, sick, nil)
				pass(time.Second)
				require.True(t, circuit(t, name).AllowRequest())
				hystrix.QuillCircuit(name).Reset() // as an operator does
				require.Equal(t, hystrix.ErrMaxConcurrency, hystrix.Do(name, well, nil), "the probe is still out")
				back(t, name)
				require.NoError(t, hystrix.Do(name, well, nil))
				require.Zero(t, hystrix.QuillCircuit(name).Stats().InFlight)
			})
		})
	}
}
