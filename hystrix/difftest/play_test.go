package difftest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// seen is what a program can see of a step.
type seen struct {
	Err      string
	Ran      int
	Fallback string // what the fallback was asked for, "" if it was not
	Events   []event
	Reset    int
	Open     bool
}

// player plays a program on one library.
type player struct {
	lib    *library
	name   string
	config config
	told   int // events so far
	reset  int
}

func (p *player) begin(c config) {
	p.config = c
	p.lib.configure(p.name, c)
	_ = p.lib.isOpen(p.name) // makes the circuit
}

// play does one step and says what was seen. The number of events is known: one for each
// command, so that the original, which counts later than it answers, can be waited for.
func (p *player) play(s step) (seen, error) {
	var out seen
	commands := 1
	switch s.what {
	case "do":
		p.do(context.Background(), &out, s.fallback, func(context.Context) error { return p.lib.resultOf(s.result) })
	case "timeout":
		p.slow(&out, s, context.Background())
	case "cancel":
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(shortTimeout, cancel)
		p.slow(&out, s, ctx)
	case "deadline":
		ctx, cancel := context.WithTimeout(context.Background(), shortTimeout)
		defer cancel()
		p.slow(&out, s, ctx)
	case "burst":
		commands = s.burst
		p.burst(&out, s.burst)
	case "report":
		if err := p.lib.report(p.name, []string{s.result}, time.Now(), 0); err != nil {
			out.Err = err.Error()
		}
	case "sleep":
		<-time.After(shortSleep + shortSleep/3) // real time: the original knows no other
		commands = 0
	case "configure":
		p.config.volume, p.config.percent = s.config.volume, s.config.percent
		p.lib.configure(p.name, p.config)
		commands = 0
	case "write":
		p.config.volume, p.config.percent = s.config.volume, s.config.percent
		p.lib.write(p.name, p.config)
		commands = 0
	}
	events, resets, err := p.lib.books.open(p.name).wait(p.told + commands)
	if err != nil {
		return out, fmt.Errorf("%s: %w", p.lib.name, err)
	}
	out.Events = slices.Clone(events[p.told:])
	slices.SortFunc(out.Events, func(a, b event) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	out.Reset = resets - p.reset
	p.told, p.reset = len(events), resets
	if !s.blind {
		out.Open = p.lib.isOpen(p.name)
	}
	return out, nil
}

func (p *player) do(ctx context.Context, out *seen, fallback string, run func(context.Context) error) {
	var ran atomic.Int64
	asked := make(chan string, 1)
	var otherwise func(context.Context, error) error
	if fallback != "" {
		otherwise = func(_ context.Context, err error) error {
			asked <- p.lib.spelled(err)
			if fallback == "fails" {
				return errSpare
			}
			return nil
		}
	}
	err := p.lib.do(ctx, p.name, func(ctx context.Context) error {
		ran.Add(1)
		return run(ctx)
	}, otherwise)
	out.Err, out.Ran = p.lib.spelled(err), int(ran.Load())
	select {
	case out.Fallback = <-asked:
	default:
	}
}

// slow makes a command that outlasts its Timeout, or its context, and waits until its run
// is over: hystrix-go's gives its ticket back before, ours then.
func (p *player) slow(out *seen, s step, ctx context.Context) {
	c := p.config
	if s.what == "timeout" {
		c.timeout = int(shortTimeout.Milliseconds())
		p.lib.configure(p.name, c)
		defer p.lib.configure(p.name, p.config)
	}
	release, over := make(chan struct{}), make(chan struct{})
	var ran atomic.Bool
	p.do(ctx, out, s.fallback, func(context.Context) error {
		ran.Store(true)
		defer close(over)
		<-release
		return errSick
	})
	close(release)
	if ran.Load() {
		<-over
		<-time.After(time.Millisecond) // real time: the slot is given back in a moment
		for p.lib.inFlight != nil && p.lib.inFlight(p.name) > 0 {
			runtime.Gosched() // on a busy machine in more than one
		}
	}
}

// burst starts n commands that hold their places until all are decided.
func (p *player) burst(out *seen, n int) {
	release, running := make(chan struct{}), make(chan struct{}, n)
	decided := make(chan string, n)
	all := make([]chan error, 0, n)
	for range n {
		errs := p.lib.start(p.name, func() error {
			running <- struct{}{}
			<-release
			return nil
		})
		all = append(all, errs)
	}
	refused := make([]string, 0, n)
	for _, errs := range all {
		go func() {
			select {
			case err := <-errs:
				decided <- p.lib.spelled(err)
			case <-release:
			}
		}()
	}
	for range n {
		select {
		case <-running:
			out.Ran++
		case text := <-decided:
			refused = append(refused, text)
		}
	}
	close(release)
	slices.Sort(refused)
	out.Err = strings.Join(refused, ", ")
}
