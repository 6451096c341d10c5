package quillstream

import (
	"sync"
	"time"
)

// feed makes one frame a tick and gives it to all clients. It keeps only the newest: a
// client that is late finds that one and has missed those between.
type feed struct {
	settings StreamSettings
	render   func() []byte // the messages of one tick; never called twice at once

	servers servers
	closed  chan struct{}

	rendering sync.Mutex

	mu      sync.Mutex
	shut    bool
	clients int
	newest  *frame
	stop    chan struct{} // ends the ticker of the present clients
}

// frame is what all clients are sent on one tick.
type frame struct {
	body  []byte        // nil: nothing has been rendered yet
	newer chan struct{} // closed once there is a newer one
}

func newFeed(s StreamSettings, render func() []byte) *feed {
	return &feed{settings: s, render: render, closed: make(chan struct{})}
}

// join admits a client and returns the newest frame, or says why not. The first client
// starts the ticker.
func (f *feed) join() (*frame, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shut {
		return nil, "the stream is closed"
	}
	if f.clients >= f.settings.MaxClients {
		return nil, "the stream has as many clients as it may have"
	}
	f.clients++
	if f.clients == 1 {
		f.newest = &frame{newer: make(chan struct{})}
		f.stop = make(chan struct{})
		go f.tick(f.stop)
	}
	return f.newest, ""
}

// leave lets a client go. The last one ends the ticker.
func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clients--
	if f.clients == 0 {
		close(f.stop)
		f.newest = nil
	}
}

// latest returns the newest frame. Only who has joined may ask.
func (f *feed) latest() *frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest
}

// tick renders a frame at once and then every Interval.
func (f *feed) tick(stop chan struct{}) {
	ticker := time.NewTicker(f.settings.Interval)
	defer ticker.Stop()
	for {
		f.publish(stop)
		select {
		case <-ticker.C:
		case <-stop:
			return
		}
	}
}

// publish renders a frame and puts it in the place of the newest, unless its clients have
// left meanwhile.
func (f *feed) publish(stop chan struct{}) {
	f.rendering.Lock()
	defer f.rendering.Unlock()
	body := f.render()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clients == 0 || f.stop != stop {
		return
	}
	former := f.newest
	f.newest = &frame{body: body, newer: make(chan struct{})}
	close(former.newer)
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.shut {
		f.shut = true
		close(f.closed)
	}
}
