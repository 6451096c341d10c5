package quill

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// Wait blocks until the registry's circuits have nothing under way, so that a process that stops cuts
// no work off: calls by [Go], until their futures are done and their hooks told; work that a Pool's
// callers have left behind; calls begun by [Circuit.Begin]; whatever else is queued, holds a slot or is
// in a fallback; and hooks that are being told of transitions and panics. Call it when nothing calls
// the circuits any more, after [net/http.Server.Shutdown] for instance: it refuses nobody, and waits
// for calls that come meanwhile, too. Of a call by Do it does not see the moments between run and a
// fallback, nor OnCall: whoever stops the process waits for the goroutines that call Do, as Shutdown
// does. Circuits that were removed it does not know.
//
// If ctx ends first, Wait returns an error that matches that of ctx and names the circuits still at
// work. Without a deadline, work that hangs makes it wait for ever. Wait looks again and again, after
// 1 ms at first and every 100 ms later. It may be called at any time, from any number of goroutines,
// but not from what it waits for.
func (r *Registry) Wait(ctx context.Context) error {
	const soon, latest = time.Millisecond, 100 * time.Millisecond
	working := r.working()
	if len(working) == 0 {
		return nil
	}
	again := time.NewTimer(soon)
	defer again.Stop()
	for pause := soon; ; again.Reset(pause) {
		select {
		case <-ctx.Done():
		case <-again.C:
		}
		if working = r.working(); len(working) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("quill: still at work: %s: %w", strings.Join(working, "; "), callerCause(ctx))
		}
		pause = min(2*pause, latest)
	}
}

// working says what each circuit is at work on that is not idle, in the order of the names.
func (r *Registry) working() []string {
	var all []string
	r.mu.RLock()
	for name, c := range r.circuits {
		if what := c.atWork(); what != "" {
			all = append(all, name+" ("+what+")")
		}
	}
	r.mu.RUnlock()
	slices.Sort(all)
	return all
}

// atWork says how many calls are under way, and in which place; "": none. A call goes from the queue
// to a slot, and is counted there before it leaves the queue: so a look in this order does not miss
// that step. A call by Go is in the background all the time; one by Do, between run and its fallback,
// is counted nowhere.
func (c *Circuit) atWork() string {
	queued := c.meters.queued.Load()
	inFlight, abandoned := c.held()
	explore.Read("background")
	background := c.meters.background.Load()
	fallbacks := c.meters.fallbacks.Load()
	var places []string
	for _, place := range []struct {
		n    int
		name string
	}{
		{inFlight, "in flight"},
		{abandoned, "of these abandoned"},
		{int(queued), "queued"},
		{int(fallbacks), "in a fallback"},
		{int(background), "in the background"},
	} {
		if place.n > 0 {
			places = append(places, fmt.Sprintf("%d %s", place.n, place.name))
		}
	}
	return strings.Join(places, ", ")
}
