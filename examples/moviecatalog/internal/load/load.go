// Package load sends requests at a fixed rate of arrival, whether or not earlier ones
// have been answered (an open loop), as users do. A closed loop, which sends the next
// request when the last is answered, slows down with the service it measures and so
// hides the very thing that is to be shown. For the same reason a latency counts from
// the moment at which the request was due.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
)

// Plan is what to send.
type Plan struct {
	BaseURL  string
	Users    []string      // asked for in turn
	Rate     float64       // arrivals per second
	Duration time.Duration // 0 = until the context ends
	Patience time.Duration // after which a user gives up
	Client   *http.Client
}

// Sample is one request and what became of it.
type Sample struct {
	At      time.Duration // when it was due, since the start
	User    string
	Latency time.Duration // from when it was due
	Status  int           // 0 = no answer: given up or no connection
	Kind    api.Kind      // if Status is 200
}

// OK reports whether the user got a catalog.
func (s Sample) OK() bool { return s.Status == http.StatusOK }

// Run sends requests until plan.Duration is over or ctx ends, waits for those under way,
// and calls each once for every request, from many goroutines at once. The end of ctx
// breaks off requests under way; those are not reported.
func Run(ctx context.Context, plan Plan, each func(Sample)) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := 0; ; n++ {
		due := time.Duration(float64(n) / plan.Rate * float64(time.Second))
		if plan.Duration > 0 && due >= plan.Duration {
			return
		}
		timer.Reset(due - time.Since(start))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		user := plan.Users[n%len(plan.Users)]
		wg.Go(func() {
			s := send(ctx, plan, user)
			s.At, s.Latency = due, time.Since(start)-due
			if ctx.Err() == nil {
				each(s)
			}
		})
	}
}

func send(ctx context.Context, plan Plan, user string) Sample {
	ctx, cancel := context.WithTimeout(ctx, plan.Patience)
	defer cancel()
	s := Sample{User: user}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, plan.BaseURL+"/catalog/"+user, nil)
	if err != nil {
		return s
	}
	resp, err := plan.Client.Do(req)
	if err != nil {
		return s
	}
	defer func() { _ = resp.Body.Close() }()
	if err := readCatalog(resp); err != nil {
		return s
	}
	s.Status = resp.StatusCode
	s.Kind = api.ParseKind(resp.Header.Get(api.KindHeader))
	return s
}

// readCatalog reads the body to its end and checks that a 200 carries a catalog: a user
// with half a page has no page.
func readCatalog(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return err
	}
	var items []api.CatalogItem
	if json.Unmarshal(body, &items) != nil || items == nil {
		return errors.New("no catalog")
	}
	return nil
}
