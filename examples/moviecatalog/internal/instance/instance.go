// Package instance runs a handler on a port of its own, as a process would, and can take
// it down for real: the port is closed, connections break, new ones are refused.
package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
)

// Instance is one server of a service. It is safe for concurrent use.
type Instance struct {
	name    string
	handler http.Handler
	log     *slog.Logger
	faults  fault.Switch

	mu   sync.Mutex
	addr string       // with the real port once it has listened
	srv  *http.Server // nil while down
	done chan struct{}
}

// Start listens on addr ("localhost:8082"; port 0 picks a free one) and serves h.
func Start(name, addr string, h http.Handler, log *slog.Logger) (*Instance, error) {
	i := &Instance{name: name, addr: addr, log: log}
	i.handler = i.faults.Wrap(h)
	i.mu.Lock()
	defer i.mu.Unlock()
	return i, i.upLocked()
}

// Name returns the instance's name, such as "movieinfo-1".
func (i *Instance) Name() string { return i.name }

// Addr returns host and port.
func (i *Instance) Addr() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.addr
}

// URL returns where the instance serves, without a slash at the end.
func (i *Instance) URL() string { return "http://" + i.Addr() }

// Up reports whether the instance listens.
func (i *Instance) Up() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.srv != nil
}

// Faults returns what is wrong with it now.
func (i *Instance) Faults() fault.Faults { return i.faults.Faults() }

// Served returns how many requests have reached it.
func (i *Instance) Served() int { return i.faults.Served() }

// Set makes the instance sick or well. Going down breaks what is under way. Coming up
// can fail, if another program took the port meanwhile; the instance then stays down.
func (i *Instance) Set(f fault.Faults) error {
	if err := f.Validate(); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if f.Down {
		i.downLocked()
	} else if err := i.upLocked(); err != nil {
		return err
	}
	before := i.faults.Faults()
	i.faults.Set(f)
	if before != f {
		i.log.Info("switched", "instance", i.name, "now", f.String())
	}
	return nil
}

// Close ends the instance: it refuses new requests, gives those under way until ctx ends
// and then breaks them off, which is no error.
func (i *Instance) Close(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.srv == nil {
		return nil
	}
	err := i.srv.Shutdown(ctx)
	if ctx.Err() != nil {
		err = i.srv.Close()
	}
	<-i.done
	i.srv = nil
	return err
}

func (i *Instance) upLocked() error {
	if i.srv != nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", i.addr)
	if err != nil {
		return fmt.Errorf("%s: %w", i.name, err)
	}
	i.addr = l.Addr().String()
	i.done = make(chan struct{})
	i.srv = &http.Server{
		Handler:           i.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(i.log.Handler(), slog.LevelDebug),
	}
	go serve(i.srv, l, i.done, i.log)
	return nil
}

func serve(srv *http.Server, l net.Listener, done chan<- struct{}, log *slog.Logger) {
	defer close(done)
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Error("server ended", "addr", l.Addr().String(), "cause", err)
	}
}

func (i *Instance) downLocked() {
	if i.srv == nil {
		return
	}
	_ = i.srv.Close()
	<-i.done
	i.srv = nil
}
