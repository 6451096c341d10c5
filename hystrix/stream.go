package hystrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// mostClients is how many clients one handler serves at once.
	mostClients = 100
	// streamPeriod is how often events are sent.
	streamPeriod = time.Second
	// writePatience is how long a client may take to read what is sent to it.
	writePatience = 10 * time.Second
)

// StreamHandler sends what the circuits do, once a second, to each client that asks: one
// event for each command and one for its pool, as the Hystrix dashboard reads them. Start it,
// mount it, and Stop it in the end. Its methods are safe for concurrent use.
type StreamHandler struct {
	servers servers

	mu      sync.Mutex
	stop    chan struct{} // closed by Stop; nil unless started
	clients map[*client]struct{}
}

// client is one connection. A client that is slow misses whole seconds, never some of the
// circuits of one.
type client struct {
	events chan []byte // holds one second
	gone   chan struct{}
	once   sync.Once
}

func (c *client) dismiss() { c.once.Do(func() { close(c.gone) }) }

var _ http.Handler = (*StreamHandler)(nil)

// NewStreamHandler returns a handler that is not started.
func NewStreamHandler() *StreamHandler { return &StreamHandler{} }

// Start makes the handler send. It does nothing if it does already.
func (sh *StreamHandler) Start() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.stop == nil {
		sh.stop = make(chan struct{})
		go sh.loop(sh.stop)
	}
}

// Stop ends the connections and what Start began. It does nothing if the handler is not
// started.
func (sh *StreamHandler) Stop() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.stop == nil {
		return
	}
	close(sh.stop)
	sh.stop = nil
	for c := range sh.clients {
		c.dismiss()
	}
}

// ServeHTTP sends events until the client goes, the handler is stopped, or the server of this
// client shuts down; a handler may be on several. Before Start a client waits for events. It answers 500 if the response cannot be
// flushed and 503 beyond 100 clients.
func (sh *StreamHandler) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	ending := sh.servers.ending(req)
	c := sh.register()
	if c == nil {
		http.Error(rw, "Too many streams!", http.StatusServiceUnavailable)
		return
	}
	defer sh.unregister(c)
	rc := http.NewResponseController(rw)
	header := rw.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-cache")
	header.Set("Connection", "keep-alive")
	if err := rc.Flush(); err != nil {
		if errors.Is(err, http.ErrNotSupported) {
			http.Error(rw, "Streaming unsupported!", http.StatusInternalServerError)
		}
		return
	}
	for {
		select {
		case <-req.Context().Done():
			return
		case <-ending:
			return
		case <-c.gone:
			return
		case events := <-c.events:
			_ = rc.SetWriteDeadline(time.Now().Add(writePatience)) // not every writer can
			if _, err := rw.Write(events); err != nil {
				return
			}
			if rc.Flush() != nil {
				return
			}
		}
	}
}

// register takes a client in, or returns nil if there are too many.
func (sh *StreamHandler) register() *client {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(sh.clients) >= mostClients {
		return nil
	}
	if sh.clients == nil {
		sh.clients = make(map[*client]struct{})
	}
	c := &client{events: make(chan []byte, 1), gone: make(chan struct{})}
	sh.clients[c] = struct{}{}
	return c
}

func (sh *StreamHandler) unregister(c *client) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.clients, c)
}

func (sh *StreamHandler) loop(stop <-chan struct{}) {
	ticker := time.NewTicker(streamPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			sh.send()
		}
	}
}

// send gives each client the events of this second. It writes them once for all, and only if
// somebody listens. A client that has not taken those before misses them.
func (sh *StreamHandler) send() {
	sh.mu.Lock()
	listening := slices.Collect(maps.Keys(sh.clients))
	sh.mu.Unlock()
	if len(listening) == 0 {
		return
	}
	events := snapshot()
	for _, c := range listening {
		select {
		case <-c.events:
		default:
		}
		select {
		case c.events <- events:
		default: // another handler's loop, just stopped, was faster
		}
	}
}

// snapshot returns the events of all circuits, in the order of their names.
func snapshot() []byte {
	var all []*CircuitBreaker
	commands.Range(func(_, v any) bool {
		if c := v.(*command).circuit.Load(); c != nil { //nolint:forcetypeassert // nothing else is stored
			all = append(all, c)
		}
		return true
	})
	slices.SortFunc(all, func(a, b *CircuitBreaker) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	for _, c := range all {
		command, pool := c.events()
		writeEvent(&b, command)
		writeEvent(&b, pool)
	}
	return b.Bytes()
}

func writeEvent(b *bytes.Buffer, event any) {
	text, err := json.Marshal(event)
	if err != nil {
		return // cannot be: numbers, texts and booleans
	}
	b.WriteString("data:")
	b.Write(text)
	b.WriteString("\n\n")
}
