package story

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/cluster"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/load"
)

// freePorts lets each run have ports of its own, so that a running demo is not in the way.
var freePorts = map[string]string{
	cluster.Catalog: "127.0.0.1:0", cluster.TMDB: "127.0.0.1:0",
	cluster.MovieInfo1: "127.0.0.1:0", cluster.MovieInfo2: "127.0.0.1:0",
	cluster.Ratings1: "127.0.0.1:0", cluster.Ratings2: "127.0.0.1:0",
}

// Play runs the lessons one after the other and returns a row for each variant. Before
// each, it tells progress. A run that was disturbed is played again, while there is time.
// It returns early, with the rows so far, if ctx ends.
func Play(ctx context.Context, lessons []Lesson, log *slog.Logger, progress *Progress) ([]Row, error) {
	var rows []Row
	for _, l := range lessons {
		for _, v := range l.Variants {
			progress.start(l, v)
			row, err := run(ctx, l, v, log)
			if err == nil && row.Disturbed && progress.again(v) {
				row, err = run(ctx, l, v, log)
			}
			if err != nil {
				return rows, fmt.Errorf("lesson %d (%s): %w", l.Number, v.Name, err)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// run plays one variant on services of its own.
func run(ctx context.Context, l Lesson, v Variant, log *slog.Logger) (Row, error) {
	runtime.GC() // the garbage of the run before shall not slow this one
	rec := &recorder{}
	calls := &counter{next: cluster.NewTransport()}
	reg := quill.NewRegistry()
	c, err := cluster.Start(cluster.Config{
		Addrs: freePorts, StandIn: true, Workers: v.Workers, Registry: reg, Log: log, Transport: calls,
		Catalog: func(u catalog.Upstreams) catalog.Cataloger {
			return v.Catalog(Bench{Up: u, Reg: reg, Hooks: rec.hooks(), Log: log})
		},
	})
	if err != nil {
		return Row{}, err
	}
	defer end(c)
	client := &http.Client{Transport: cluster.NewTransport()}
	defer client.CloseIdleConnections()
	plan := load.Plan{
		BaseURL: c.Instance(cluster.Catalog).URL(), Users: v.Users, Rate: v.Rate,
		Duration: v.load(), Patience: patience, Client: client,
	}
	if err := warmUp(ctx, plan, client); err != nil {
		return Row{}, err
	}

	rec.start = time.Now()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var peak int
	var broke, healed time.Duration
	wg.Go(func() { peak = watchGoroutines(stop) })
	wg.Go(func() { broke, healed = sicken(ctx, c, v, calls, rec.start) })
	load.Run(ctx, plan, rec.sample)
	close(stop)
	wg.Wait()
	if ctx.Err() != nil {
		return Row{}, context.Cause(ctx)
	}
	t := rec.timeline(broke, healed, v.load())
	t.Sick = calls.since(rec.start)
	row := newRow(l, v, t)
	row.PeakGoroutines = peak
	return row, nil
}

// warmUp asks for each user once, so that connections stand and answers are stored.
func warmUp(ctx context.Context, plan load.Plan, client *http.Client) error {
	for _, user := range plan.Users {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, plan.BaseURL+"/catalog/"+user, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the catalog of %s: status %d before anything is broken", user, resp.StatusCode)
		}
	}
	return nil
}

// end breaks off what still hangs: a lesson does not wait for its slow answers.
func end(c *cluster.Cluster) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx)
}

// sicken breaks the variant's instances and heals them in time, and says when it did.
func sicken(ctx context.Context, c *cluster.Cluster, v Variant, calls *counter, start time.Time) (broke, healed time.Duration) {
	set := func(f fault.Faults) {
		for _, name := range v.Sick {
			_ = c.Instance(name).Set(f) // a port taken meanwhile shows in the figures
		}
	}
	var hosts []string
	for _, name := range v.Sick {
		hosts = append(hosts, c.Instance(name).Addr())
	}
	sleepUntil(ctx, start.Add(v.Healthy))
	broke = time.Since(start)
	calls.watch(hosts)
	set(v.Fault)
	sleepUntil(ctx, start.Add(v.Healthy+v.Breaks))
	set(fault.Faults{})
	calls.watch(nil)
	return broke, time.Since(start)
}

func sleepUntil(ctx context.Context, t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// watchGoroutines returns the greatest number of goroutines that it saw.
func watchGoroutines(stop <-chan struct{}) int {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	peak := runtime.NumGoroutine()
	for {
		select {
		case <-tick.C:
			peak = max(peak, runtime.NumGoroutine())
		case <-stop:
			return peak
		}
	}
}

// counter counts the calls that the catalog sends to sick instances. It counts where
// they are sent, because an instance that is down cannot count what it refuses.
type counter struct {
	next  *http.Transport
	hosts atomic.Pointer[[]string]

	mu   sync.Mutex
	sick []time.Time
}

func (c *counter) watch(hosts []string) { c.hosts.Store(&hosts) }

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if hosts := c.hosts.Load(); hosts != nil && slices.Contains(*hosts, r.URL.Host) {
		c.mu.Lock()
		c.sick = append(c.sick, time.Now())
		c.mu.Unlock()
	}
	return c.next.RoundTrip(r)
}

// since returns when the calls were sent.
func (c *counter) since(start time.Time) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var at []time.Duration
	for _, t := range c.sick {
		at = append(at, t.Sub(start))
	}
	return at
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (c *counter) CloseIdleConnections() { c.next.CloseIdleConnections() }

// recorder collects what happens in a run.
type recorder struct {
	start time.Time

	mu      sync.Mutex
	samples []load.Sample
	changes map[string][]Change
}

func (r *recorder) hooks() quill.Hooks {
	return quill.Hooks{OnTransition: func(t quill.Transition) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.changes == nil {
			r.changes = map[string][]Change{}
		}
		r.changes[t.Command] = append(r.changes[t.Command], Change{t.At.Sub(r.start), t.To, t.Reason})
	}}
}

func (r *recorder) sample(s load.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, s)
}

func (r *recorder) timeline(broke, healed, end time.Duration) Timeline {
	r.mu.Lock()
	defer r.mu.Unlock()
	load.ByTime(r.samples)
	t := Timeline{Broke: broke, Healed: healed, End: end, Samples: r.samples}
	for name, changes := range r.changes {
		t.Circuits = append(t.Circuits, Band{name, changes})
	}
	slices.SortFunc(t.Circuits, func(a, b Band) int { return strings.Compare(a.Circuit, b.Circuit) })
	return t
}
