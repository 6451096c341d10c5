package control

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/load"
)

// seconds is how far back the page's picture of the traffic goes.
const seconds = 60

// patience is how long a user of the page waits.
const patience = 5 * time.Second

// traffic sends users and keeps what became of them, second by second.
type traffic struct {
	plan load.Plan

	turn sync.Mutex // held while the rate is changed
	stop func()     // ends the users under way; nil if there are none

	mu      sync.Mutex
	rate    float64
	start   time.Time
	history [seconds]second
}

// second is what happened to the users who arrived in one second.
type second struct {
	at        int64 // since start
	ByKind    [4]int
	Errors    int
	latencies []time.Duration
}

func newTraffic(catalogURL string, client *http.Client) *traffic {
	return &traffic{
		start: time.Now(),
		plan: load.Plan{
			BaseURL: catalogURL, Client: client, Patience: patience,
			Users: []string{"alice", "carol", "bob", "foo"},
		},
	}
}

// set changes the rate. Users under way at the time are not counted any more.
func (t *traffic) set(rate float64) {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.stop != nil {
		t.stop()
		t.stop = nil
	}
	t.mu.Lock()
	t.rate = rate
	t.mu.Unlock()
	if rate <= 0 {
		return
	}
	plan := t.plan
	plan.Rate = rate
	ctx, cancel := context.WithCancel(context.Background())
	since := time.Since(t.start)
	var wg sync.WaitGroup
	wg.Go(func() {
		load.Run(ctx, plan, func(s load.Sample) {
			s.At += since
			t.record(s)
		})
	})
	t.stop = func() {
		cancel()
		wg.Wait()
	}
}

func (t *traffic) record(s load.Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := int64(s.At / time.Second)
	b := &t.history[at%seconds]
	if b.at > at {
		return // too late to be shown
	}
	if b.at < at || b.latencies == nil {
		*b = second{at: at}
	}
	b.latencies = append(b.latencies, s.Latency)
	if s.OK() {
		b.ByKind[s.Kind]++
	} else {
		b.Errors++
	}
}

// trafficView is the traffic as the page gets it: Series holds the last seconds, the
// youngest last, each as [fresh, failover, stale, default, errors, p99 in ms].
type trafficView struct {
	Rate   float64      `json:"rate"`
	Max    float64      `json:"max"`
	Series [][6]float64 `json:"series"`
}

func (t *traffic) view() trafficView {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := trafficView{Rate: t.rate, Max: MaxRate}
	now := int64(time.Since(t.start) / time.Second)
	for at := now - seconds + 1; at <= now; at++ {
		var row [6]float64
		if at >= 0 {
			if b := t.history[at%seconds]; b.at == at {
				row = b.row()
			}
		}
		v.Series = append(v.Series, row)
	}
	return v
}

func (s second) row() (row [6]float64) {
	for k, n := range s.ByKind {
		row[k] = float64(n)
	}
	row[4] = float64(s.Errors)
	sorted := slices.Sorted(slices.Values(s.latencies))
	row[5] = millis(load.Percentile(sorted, 99))
	return row
}
