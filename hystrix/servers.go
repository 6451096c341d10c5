package hystrix

import (
	"maps"
	"net/http"
	"sync"
	"weak"
)

// servers tell the streams of an http.Server that it shuts down. Shutdown waits for every
// handler to return, and cancels no context: a stream would hold it up for ever. (Package
// quillstream has the same: the packages beside the core share exported names only.)
type servers struct {
	mu    sync.Mutex
	known map[weak.Pointer[http.Server]]chan struct{}
}

// ending returns a channel that is closed when the server of r begins to shut down; nil if
// no server is known. The first request of a server registers with it.
func (s *servers) ending(r *http.Request) <-chan struct{} {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := weak.Make(server)
	if ending, ok := s.known[key]; ok {
		return ending
	}
	if s.known == nil {
		s.known = map[weak.Pointer[http.Server]]chan struct{}{}
	}
	maps.DeleteFunc(s.known, func(k weak.Pointer[http.Server], _ chan struct{}) bool { return k.Value() == nil })
	ending := make(chan struct{})
	s.known[key] = ending
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(ending) }))
	return ending
}
