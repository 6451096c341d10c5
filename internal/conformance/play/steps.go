package play

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// patience is how long, in virtual time, the runner waits for what ought to happen.
const patience = 10 * time.Minute

// step plays one step and returns what was seen.
func (w *world) step(s *oracle.Step) (oracle.Observation, error) {
	o := oracle.Observation{}
	switch s.Op {
	case "call":
		w.call(s, o)
	case "reuse":
		w.reuse(s, o)
	case "start":
		w.start(s, o)
	case "await":
		w.awaitAll(s, o)
	case "cancel":
		w.cancel(s, o)
	case "release":
		w.release(s.Gate)
		synctest.Wait()
	case "wait":
		w.pause(s.MS)
	case "set":
		err := w.set(s)
		synctest.Wait() // more room lets those in who wait
		return o, err
	default:
		if s.Cmd == "" || !w.commands[s.Cmd].look(s, o) {
			return o, w.lookElsewhere(s, o)
		}
	}
	return o, nil
}

// look reads a command's breaker, and reports whether the step asks for that.
func (c *command) look(s *oracle.Step, o oracle.Observation) bool {
	switch s.Op {
	case "circuit":
		c.circuitNow().Put(o)
	case "health":
		c.health().Put(o)
	case "counters":
		c.counters().Put(o)
	default:
		return false
	}
	return true
}

// lookElsewhere reads what is not a breaker's.
func (w *world) lookElsewhere(s *oracle.Step, o oracle.Observation) error {
	c := w.commands[s.Cmd]
	switch s.Op {
	case "pool":
		w.pools[s.Pool].gauges(w, s.Counts).Put(o)
	case "bodies":
		w.mu.Lock()
		defer w.mu.Unlock()
		c.did.Put(o)
	case "runOrder":
		w.mu.Lock()
		defer w.mu.Unlock()
		o["order"] = strings.Join(w.order, ", ")
	case "notifications":
		w.mu.Lock()
		defer w.mu.Unlock()
		var told []string
		for _, n := range c.notes {
			if n.event != "" {
				told = append(told, n.event)
			} else {
				told = append(told, n.call.notifications()...)
			}
		}
		c.notes = nil
		o["chronological"] = strings.Join(told, ", ")
	case "construct":
		o["outcome"] = "ok"
		if err := c.build(); err != nil {
			o["outcome"] = "error"
		}
	case "properties":
		c.properties(o)
	default:
		return fmt.Errorf("the runner cannot play the operation %q", s.Op)
	}
	return nil
}

// pause lets time pass.
func (w *world) pause(ms int) {
	time.Sleep(time.Duration(ms) * time.Millisecond)
	synctest.Wait()
}

func (w *world) call(s *oracle.Step, o oracle.Observation) {
	var results []oracle.Result
	for i := range max(1, s.Times) {
		if i > 0 {
			w.pause(s.GapMS)
		}
		c := w.newCall(context.Background(), s.Cmd, s.Run, s.Fallback)
		c.label = s.Label
		go c.execute()
		results = append(results, *w.resultOf(c, s.ElapsedBand))
	}
	w.settle(s, o)
	oracle.PutResults(o, results)
}

// reuse executes one command value twice. In quill that is nothing out of the ordinary.
func (w *world) reuse(s *oracle.Step, o oracle.Observation) {
	c := w.newCall(context.Background(), s.Cmd, s.Run, s.Fallback)
	cmd := c.command()
	var results []oracle.Result
	for range 2 {
		c.executeAs(cmd)
		results = append(results, *w.resultOf(c, nil))
	}
	w.settle(s, o)
	oracle.PutResults(o, results)
}

// resultOf waits for the end of a call.
func (w *world) resultOf(c *call, band []int) *oracle.Result {
	if !within(patience, c.done, nil) {
		return &oracle.Result{Outcome: "nothing after", Value: patience, RunEntered: c.runEntered}
	}
	synctest.Wait()
	return c.result(band)
}

// within reports whether c was closed in time, and before otherwise was.
func within(limit time.Duration, c, otherwise <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c:
	case <-otherwise:
	case <-timer.C:
	}
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (w *world) settle(s *oracle.Step, o oracle.Observation) {
	w.pause(s.SettleMS)
	w.commands[s.Cmd].circuitNow().Put(o)
}

// start starts a call for each handle. That the recordings go on says that a body was
// entered where they wait for one; so it must be here.
func (w *world) start(s *oracle.Step, o oracle.Observation) {
	for _, h := range s.Handles {
		c := w.newCall(context.Background(), s.Cmd, s.Run, s.Fallback)
		c.label = h
		w.calls[h] = c
		if s.Mode == "queue" {
			go c.queue()
		} else {
			go c.execute()
		}
		synctest.Wait() // the order of the handles is the order of the calls
		if until := map[string]chan struct{}{"running": c.entered, "fallback": c.fellBack}[s.Until]; until != nil {
			o["start of "+h] = s.Until
			if !within(time.Minute, until, c.done) {
				o["start of "+h] = "not " + s.Until
			}
		}
	}
	if s.Until == "submitted" {
		w.pause(100)
	}
}

// started is what a start step observes without saying so.
func started(s *oracle.Step) oracle.Observation {
	o := oracle.Observation{}
	if s.Op == "start" && s.Until != "submitted" {
		for _, h := range s.Handles {
			o["start of "+h] = s.Until
		}
	}
	return o
}

func (w *world) awaitAll(s *oracle.Step, o oracle.Observation) {
	results := map[string]*oracle.Result{}
	for _, h := range s.Handles {
		results[h] = w.resultOf(w.calls[h], s.ElapsedBand)
	}
	w.settle(s, o)
	for h, r := range results {
		oracle.PutResult(o, h, r)
	}
}

func (w *world) cancel(s *oracle.Step, o oracle.Observation) {
	c := w.calls[s.Handle]
	running := true
	select {
	case <-c.done:
		running = false
	default:
	}
	o["returned"] = strconv.FormatBool(running)
	w.mu.Lock()
	c.interrupt = s.Interrupt
	w.mu.Unlock()
	c.cancel()
	synctest.Wait()
	w.settle(s, o)
}

// properties are the settings in force, under Hystrix's names. What quill has no setting
// for is left out, and then not compared: see meaningless.
func (c *command) properties(o oracle.Observation) {
	s := c.circuit.Stats().Settings
	put := func(name string, v any) { o[name] = fmt.Sprint(v) }
	put("circuitBreaker.enabled", s.Override != quill.Disabled)
	put("circuitBreaker.forceOpen", s.Override == quill.ForceOpen)
	put("circuitBreaker.forceClosed", s.Override == quill.ForceClosed)
	put("circuitBreaker.requestVolumeThreshold", s.RequestVolumeThreshold)
	put("circuitBreaker.sleepWindowInMilliseconds", s.SleepWindow.Milliseconds())
	put("circuitBreaker.errorThresholdPercentage", s.ErrorPercentThreshold)
	put("execution.isolation.strategy", map[quill.Isolation]string{quill.Pool: "THREAD", quill.Semaphore: "SEMAPHORE"}[s.Isolation])
	put("execution.isolation.thread.timeoutInMilliseconds", s.Timeout.Milliseconds())
	put("execution.timeout.enabled", s.Timeout != quill.NoTimeout)
	put("execution.isolation.semaphore.maxConcurrentRequests", s.MaxConcurrent)
	put("fallback.isolation.semaphore.maxConcurrentRequests", s.MaxConcurrentFallbacks)
	put("metrics.rollingStats.timeInMilliseconds", s.RollingWindow.Milliseconds())
	put("metrics.rollingStats.numBuckets", s.RollingBuckets)
	put("pool coreSize", s.MaxConcurrent)
	put("pool maximumSize", s.MaxConcurrent)
	put("pool actualMaximumSize", s.MaxConcurrent)
	put("pool metrics.rollingStats.timeInMilliseconds", s.RollingWindow.Milliseconds())
	put("pool metrics.rollingStats.numBuckets", s.RollingBuckets)
	queue := s.QueueSize
	if queue == 0 {
		queue = -1 // as Hystrix says that there is none
	}
	put("pool maxQueueSize", queue)
}
