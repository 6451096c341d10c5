// Package web holds what every service does with HTTP: write JSON, ask another service
// for JSON, and turn an error into the right status.
package web

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
)

// ErrorBody is the body of every answer that is not a success.
type ErrorBody struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
}

// WriteJSON answers with status 200 and v.
func WriteJSON(w http.ResponseWriter, kind api.Kind, v any) {
	w.Header().Set(api.KindHeader, kind.String())
	write(w, http.StatusOK, v)
}

// WriteError answers with the status that fits err and logs it, with the reason that
// the asker is not told.
func WriteError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	if r.Context().Err() != nil {
		return // nobody is there to read it
	}
	f := Judge(err)
	level := slog.LevelWarn
	if f.Status < http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	log.Log(r.Context(), level, f.Message, "path", r.URL.Path, "status", f.Status, "cause", causeOf(err))
	if f.RetryAfter > 0 {
		seconds := int(math.Ceil(f.RetryAfter.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	write(w, f.Status, ErrorBody{Status: f.Status, Error: f.Message})
}

// Refuse answers with an error status and a message that is fit for the asker.
func Refuse(w http.ResponseWriter, status int, message string) {
	write(w, status, ErrorBody{Status: status, Error: message})
}

// Healthz answers that the process is there, and no more: a service whose answers take
// ten seconds is "healthy" all the same. That is why its callers need breakers.
func Healthz(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]string{"status": "ok"})
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a programmer's error gets here
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // an asker who left is no news
}

// retryAfter reads the header in its form of seconds, which is the one these services send.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}
