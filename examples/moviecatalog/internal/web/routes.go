package web

import (
	"log/slog"
	"net/http"
)

// Routes serves mux, and answers what mux has no pattern for as these services answer all
// errors, with a line in the log: 404 for a path that it does not have, 405 with the
// Allow header for one that it has for other methods.
func Routes(mux *http.ServeMux, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		status, message := http.StatusNotFound, "no such path: "+r.URL.Path
		if allow := allowed(own, r); allow != "" {
			w.Header().Set("Allow", allow)
			status, message = http.StatusMethodNotAllowed, r.Method+" is not for "+r.URL.Path+", but "+allow+" is"
		}
		log.Info("refused", "method", r.Method, "path", r.URL.Path, "status", status)
		Refuse(w, status, message)
	})
}

// allowed asks the mux's own answer, which only it can give, for the methods.
func allowed(own http.Handler, r *http.Request) string {
	w := &headers{h: http.Header{}}
	own.ServeHTTP(w, r)
	return w.h.Get("Allow")
}

// headers is a ResponseWriter that keeps nothing but the headers.
type headers struct{ h http.Header }

func (w *headers) Header() http.Header       { return w.h }
func (*headers) WriteHeader(int)             {}
func (*headers) Write(p []byte) (int, error) { return len(p), nil }
