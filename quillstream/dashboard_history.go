package quillstream

import (
	"math"
	"sync"
	"time"
	"weak"

	"github.com/seed-f7c3343e/quill"
)

const (
	period     = 5 * time.Second // between two looks at the circuits
	mostPoints = 720             // an hour of them
	mostSteps  = 8               // fallback steps of a command whose answers are kept
	recentLong = 12              // looks over which recent answers are counted: a minute
	sparkLong  = 60              // points of the small picture: five minutes
)

// history keeps the last hour of each command. A timer wakes it every period, so that no
// goroutine rests; the timer holds it weakly, so that a Board that was forgotten without
// Close ends too.
type history struct {
	registry *quill.Registry
	start    time.Time

	mu      sync.Mutex
	timer   *time.Timer // nil once stopped
	records map[string]*record
}

// point is what happened to a command in one period. Its size is what an hour costs, times
// mostPoints.
type point struct {
	at            uint32 // seconds since start
	passed        uint32 // calls that neither failed nor were refused
	failed        uint32 // failures and timeouts
	refused       uint32 // rejected or short-circuited
	p50, p90, p99 float32
	inFlight      uint16
	state         quill.State
	override      quill.Override
}

// record is the history of one command. The ring grows to mostPoints from the first call
// on.
type record struct {
	circuit *quill.Circuit // whose: the name may pass to another
	total   quill.Counts   // as of the last look
	ring    []point
	next    int // where the oldest point is, once the ring is full

	answered [recentLong][]uint64 // by step, of the last looks
	looks    int
}

func startHistory(r *quill.Registry) *history {
	h := &history{registry: r, start: time.Now(), records: map[string]*record{}}
	h.look()
	w := weak.Make(h)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer = time.AfterFunc(period, func() {
		if h := w.Value(); h != nil {
			h.tick()
		}
	})
	return h
}

func (h *history) tick() {
	h.look()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Reset(period)
	}
}

func (h *history) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
}

// look adds a point to each command and forgets those that are gone.
func (h *history) look() {
	picked, _ := pick(h.registry)
	at := uint32(time.Since(h.start) / time.Second) //nolint:gosec // 136 years
	seen := make(map[string]bool, len(picked))
	for _, c := range picked {
		seen[c.Name()] = true
		s := c.Stats()
		h.mu.Lock()
		h.add(c, s, at)
		h.mu.Unlock()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.records {
		if !seen[name] {
			delete(h.records, name)
		}
	}
}

func (h *history) add(c *quill.Circuit, s quill.Stats, at uint32) {
	r := h.records[s.Name]
	if r == nil || r.circuit != c {
		h.records[s.Name] = &record{circuit: c, total: s.Total}
		h.records[s.Name].remember(s.Fallbacks)
		return
	}
	before := r.total
	r.total = s.Total
	r.remember(s.Fallbacks)
	if len(r.ring) == 0 && s.Total == before {
		return // nothing has ever happened
	}
	failed := s.Total.Failure + s.Total.Timeout - before.Failure - before.Timeout
	refused := s.Total.Rejected + s.Total.ShortCircuited - before.Rejected - before.ShortCircuited
	r.put(point{
		at: at, passed: narrow(s.Total.Total() - before.Total() - failed - refused),
		failed: narrow(failed), refused: narrow(refused),
		p50: float32(millis(s.Execution.Percentile(50))), p90: float32(millis(s.Execution.Percentile(90))),
		p99: float32(millis(s.Execution.Percentile(99))), inFlight: uint16(min(s.InFlight, math.MaxUint16)), //nolint:gosec // bounded
		state: s.State, override: s.Override,
	})
}

func narrow(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

func (r *record) put(p point) {
	if len(r.ring) == mostPoints {
		r.ring[r.next] = p
		r.next = (r.next + 1) % mostPoints
		return
	}
	if len(r.ring) == cap(r.ring) { // append would grow beyond what is stated
		const first = mostPoints / 16
		grown := make([]point, len(r.ring), min(mostPoints, max(first, 2*len(r.ring))))
		copy(grown, r.ring)
		r.ring = grown
	}
	r.ring = append(r.ring, p)
}

// last returns the last n points, the oldest first.
func (r *record) last(n int) []point {
	all := append(append(make([]point, 0, len(r.ring)), r.ring[r.next:]...), r.ring[:r.next]...)
	return all[max(0, len(all)-n):]
}

func (r *record) remember(steps []quill.StepStats) {
	row := r.answered[r.looks%recentLong][:0]
	for _, s := range steps[:min(len(steps), mostSteps)] {
		row = append(row, s.Answered)
	}
	r.answered[r.looks%recentLong] = row
	r.looks++
}

// fillRecent tells how many answers each step gave in the last minute.
func (h *history) fillRecent(c *quill.Circuit, steps []stepView) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.records[c.Name()]
	if r == nil || r.circuit != c || r.looks == 0 {
		return
	}
	oldest := r.answered[max(0, r.looks-recentLong)%recentLong]
	for i := range steps {
		if i < len(oldest) {
			steps[i].Recent = less(steps[i].Answered, oldest[i]) // the look may be the later one
		}
	}
}

// sparkView is the small picture of a command: calls, and those that failed or were
// refused, by period.
type sparkView struct {
	Calls []uint32 `json:"calls"`
	Bad   []uint32 `json:"bad"`
}

type hostSparks struct {
	Host     string               `json:"host"`
	Commands map[string]sparkView `json:"commands"`
}

type sparksView struct {
	PeriodMS float64      `json:"periodMs"`
	Points   int          `json:"points"`
	Hosts    []hostSparks `json:"hosts"`
}

func (b *Board) allSparks(all bool) sparksView {
	v := sparksView{millis(period), sparkLong, []hostSparks{{b.host, b.history.sparks()}}}
	if all {
		for _, s := range b.sources {
			v.Hosts = append(v.Hosts, s.hostSparks())
		}
	}
	return v
}

func (h *history) sparks() map[string]sparkView {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[string]sparkView, len(h.records))
	for name, r := range h.records {
		points := r.last(sparkLong)
		if len(points) == 0 {
			continue
		}
		v := sparkView{make([]uint32, len(points)), make([]uint32, len(points))}
		for i, p := range points {
			v.Calls[i] = p.passed + p.failed + p.refused
			v.Bad[i] = p.failed + p.refused
		}
		all[name] = v
	}
	return all
}

// historyView is the last hour of a command, column by column, the oldest point first.
type historyView struct {
	PeriodMS float64   `json:"periodMs"`
	AgoS     []uint32  `json:"agoS"` // how many seconds ago each point ended
	Passed   []uint32  `json:"passed"`
	Failed   []uint32  `json:"failed"`
	Refused  []uint32  `json:"refused"`
	P50      []float32 `json:"p50"`
	P90      []float32 `json:"p90"`
	P99      []float32 `json:"p99"`
	InFlight []uint16  `json:"inFlight"`
	State    []int     `json:"state"`    // 0 closed, 1 open, 2 half-open
	Override []int     `json:"override"` // 0 none, 1 forced open, 2 forced closed, 3 disabled
}

func (h *history) of(name string) historyView {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := historyView{PeriodMS: millis(period)}
	r := h.records[name]
	if r == nil {
		return v
	}
	now := uint32(time.Since(h.start) / time.Second) //nolint:gosec // 136 years
	for _, p := range r.last(mostPoints) {
		v.AgoS = append(v.AgoS, now-p.at)
		v.Passed = append(v.Passed, p.passed)
		v.Failed = append(v.Failed, p.failed)
		v.Refused = append(v.Refused, p.refused)
		v.P50 = append(v.P50, p.p50)
		v.P90 = append(v.P90, p.p90)
		v.P99 = append(v.P99, p.p99)
		v.InFlight = append(v.InFlight, p.inFlight)
		v.State = append(v.State, int(p.state))
		v.Override = append(v.Override, int(p.override))
	}
	return v
}
