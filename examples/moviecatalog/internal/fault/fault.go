// Package fault makes a service sick on purpose: slow, failing, or answering garbage. A
// [Switch] stands before the handler of one instance and can be turned while it serves.
// Being down is not its business: a process that is down refuses connections, so that
// part belongs to whoever owns the listener (package instance).
package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

// Body is what is wrong with the bodies of an instance's answers.
type Body string

// The wrong bodies.
const (
	Whole   Body = ""
	Garbage Body = "garbage" // status 200, and then no JSON
	Half    Body = "half"    // the connection breaks in the middle
)

// The limits of [Faults].
const (
	MaxSlow = 30 * time.Second
)

// Faults are what is wrong with an instance. The zero value is a healthy one.
type Faults struct {
	Down        bool          // refuses connections
	Slow        time.Duration // waits so long before each answer: 0 to MaxSlow
	FailPercent int           // so many of 100 answers are a 500
	Body        Body
}

// Healthy reports whether nothing is wrong.
func (f Faults) Healthy() bool { return f == Faults{} }

// String says what is wrong, in words.
func (f Faults) String() string {
	switch {
	case f.Down:
		return "down"
	case f.Healthy():
		return "healthy"
	}
	var s string
	add := func(format string, args ...any) {
		if s != "" {
			s += ", "
		}
		s += fmt.Sprintf(format, args...)
	}
	if f.Slow > 0 {
		add("slow by %v", f.Slow)
	}
	if f.FailPercent > 0 {
		add("failing %d %%", f.FailPercent)
	}
	if f.Body != Whole {
		add("%s body", f.Body)
	}
	return s
}

// Validate returns an error that names the field which is out of its range.
func (f Faults) Validate() error {
	switch {
	case f.Slow < 0 || f.Slow > MaxSlow:
		return fmt.Errorf("slowMs: must be 0 to %d", MaxSlow.Milliseconds())
	case f.FailPercent < 0 || f.FailPercent > 100:
		return fmt.Errorf("failPercent: must be 0 to 100")
	case f.Body != Whole && f.Body != Garbage && f.Body != Half:
		return fmt.Errorf("body: must be %q, %q or empty", Garbage, Half)
	}
	return nil
}

type faultsJSON struct {
	Down        bool  `json:"down"`
	SlowMS      int64 `json:"slowMs"`
	FailPercent int   `json:"failPercent"`
	Body        Body  `json:"body"`
}

// MarshalJSON writes {"down","slowMs","failPercent","body"}.
func (f Faults) MarshalJSON() ([]byte, error) {
	return json.Marshal(faultsJSON{f.Down, f.Slow.Milliseconds(), f.FailPercent, f.Body})
}

// UnmarshalJSON reads what MarshalJSON writes and checks it.
func (f *Faults) UnmarshalJSON(data []byte) error {
	var j faultsJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	slow := min(max(j.SlowMS, -1), MaxSlow.Milliseconds()+1) // no overflow below
	*f = Faults{j.Down, time.Duration(slow) * time.Millisecond, j.FailPercent, j.Body}
	return f.Validate()
}

// Switch makes a handler sick. The zero value is a healthy one. It is safe for
// concurrent use.
type Switch struct {
	mu     sync.Mutex
	faults Faults
	served int
	debt   int // per cent of a failure that are due: spreads failures evenly
}

// Set turns the switch.
func (s *Switch) Set(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.debt = f, 0
}

// Faults returns how the switch stands.
func (s *Switch) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Served returns how many requests have come, health checks not among them.
func (s *Switch) Served() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// next counts a request and says what is to befall it. Failures come evenly spread and
// not by chance, so that a demonstration shows the same thing each time.
func (s *Switch) next() (f Faults, fail bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	s.debt += s.faults.FailPercent
	if s.debt >= 100 {
		s.debt -= 100
		fail = true
	}
	return s.faults, fail
}

// Wrap puts the switch before next.
func (s *Switch) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			web.Healthz(w, r) // the trap: a sick service still calls itself healthy
			return
		}
		f, fail := s.next()
		if !wait(r, f.Slow) {
			return
		}
		switch {
		case fail:
			writeBroken(w, http.StatusInternalServerError, `{"status":500,"error":"the instance is failing (switched on)"}`)
		case f.Body == Garbage:
			writeBroken(w, http.StatusOK, `<html>It works!`)
		case f.Body == Half:
			half(w, r, next)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// wait returns false if the asker left meanwhile.
func wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func writeBroken(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// half announces the whole body, sends half of it and breaks the connection.
func half(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	w.Header().Set("Content-Length", strconv.Itoa(rec.body.Len()))
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes()[:rec.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler) // net/http's own way to break a connection off
}

type recorder struct {
	http.ResponseWriter

	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
