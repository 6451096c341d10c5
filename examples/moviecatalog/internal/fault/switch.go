package fault

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

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
