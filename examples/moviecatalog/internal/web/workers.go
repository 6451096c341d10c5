package web

import "net/http"

// Workers lets n requests into next at once; the others wait, first come first served,
// until they leave. Go has no such limit of its own, but a servlet container has (its
// request threads, 200 in Tomcat), and so has every server in the end: memory, file
// handles, connections to a database. It is by this limit that one slow dependency slows
// requests that do not need it. An n of 0 or less sets no limit.
func Workers(n int, next http.Handler) http.Handler {
	if n <= 0 {
		return next
	}
	workers := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case workers <- struct{}{}:
			defer func() { <-workers }()
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}
