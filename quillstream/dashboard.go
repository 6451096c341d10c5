package quillstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// Board is a dashboard of the circuits of a registry: an [http.Handler] that [Dashboard]
// makes. It is safe for concurrent use.
//
// A Board looks at its circuits every 5 s from when it is made until Close, so that the
// last hour is there when somebody opens the page. What it keeps is bounded: 23 KiB for a
// command with an hour of calls, nothing for one without any, and at most 1,000 commands.
// No goroutine rests in between, neither for the Board nor for a circuit. Nothing else is
// computed while nobody looks.
type Board struct {
	registry  *quill.Registry
	host      string
	admin     Admin
	sources   []*source
	client    *http.Client
	ownClient bool
	most      int // requests for data at once

	history     *history
	now, sparks *document // what all viewers see
	own         [2]*document
	slots       chan struct{}
	routes      *http.ServeMux

	ctx     context.Context //nolint:containedctx // the life of the Board, which ends its fetches
	cancel  context.CancelFunc
	fetches sync.WaitGroup
	closing sync.Mutex // between a fetch that begins and Close, which waits for those that have
}

// DashboardOption is an option of [Dashboard].
type DashboardOption func(*Board)

// Admin lets viewers of a dashboard change circuits. Without it the dashboard is
// read-only.
type Admin struct {
	// Authorize is asked before each change; the change is made if it returns nil. The text
	// of its error is shown to the viewer. It may be called from many goroutines at once.
	Authorize func(r *http.Request) error
	// Audit, if not nil, is told of each change that was asked for, made or not, before the
	// viewer is. It may be called from many goroutines at once.
	Audit func(a Action)
}

// WithAdmin lets viewers whom a.Authorize lets through override, reset and configure the
// circuits of this process, by POST. Requests from other sites' pages are refused before it
// is asked. It panics without an Authorize.
func WithAdmin(a Admin) DashboardOption {
	if a.Authorize == nil {
		panic("quillstream: WithAdmin needs an Authorize: who may change circuits?")
	}
	return func(b *Board) { b.admin = a }
}

// WithHost sets the label of this process; "", the default, is [os.Hostname], or "this
// process" if that has none.
func WithHost(label string) DashboardOption {
	return func(b *Board) { b.host = label }
}

// WithSources shows the circuits of other processes beside this one's. Their dashboards are
// asked by this process, at most once a second and only while somebody looks; a viewer's
// request never says whom to ask. They are shown read-only. Sources that those dashboards have
// themselves are not shown.
// A nil client means one with a timeout of 3 s that follows no redirects. It panics if a
// source is not fit ([Source.Check]) or two hosts have the same label.
func WithSources(client *http.Client, sources ...Source) DashboardOption {
	return func(b *Board) {
		b.client = client
		for _, s := range sources {
			if err := s.Check(); err != nil {
				panic(err.Error())
			}
			b.sources = append(b.sources, &source{Source: s, board: b})
		}
	}
}

// WithMaxViewers sets how many requests for data are served at once: 1 or more, 64 by
// default; others get status 503. A viewer rarely has more than one such request open. It
// panics if n is below 1.
func WithMaxViewers(n int) DashboardOption {
	if n < 1 {
		panic(fmt.Sprintf("quillstream: WithMaxViewers(%d): must be 1 or more", n))
	}
	return func(b *Board) { b.most = n }
}

// Dashboard returns a dashboard of the circuits of r, those made later included; nil means
// [quill.DefaultRegistry]. Mount it with a path that ends in a slash, and close it when the
// server has stopped; until then it looks at each circuit every five seconds:
//
//	board := quillstream.Dashboard(nil)
//	defer board.Close()
//	mux.Handle("GET /quill/", http.StripPrefix("/quill", board))
//
// It serves GET and HEAD and, with [WithAdmin], POST: then mount it for "POST /quill/", too.
// Registering "/quill/" without a method panics on a mux that also has "GET /".
//
// The page is self-contained. Access control is up to the handlers around it; it shows the texts
// of errors (see [quill.WithRedact]). Its rows have the names of Hystrix's dashboard.
func Dashboard(r *quill.Registry, opts ...DashboardOption) *Board {
	const viewers = 64
	b := &Board{registry: cmp.Or(r, quill.DefaultRegistry), most: viewers}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for _, o := range opts {
		o(b)
	}
	if b.host == "" {
		b.host = hostname()
	}
	if b.client == nil {
		b.client, b.ownClient = plainClient(), true
	}
	labels := map[string]bool{b.host: true}
	for _, s := range b.sources {
		if labels[s.Host] {
			panic(fmt.Sprintf("quillstream: two processes of a dashboard are called %q: give each a Host of its own", s.Host))
		}
		labels[s.Host] = true
	}
	b.slots = make(chan struct{}, b.most)
	b.history = startHistory(b.registry)
	b.now = &document{keep: second, build: func() any { return b.snapshot(true) }}
	b.sparks = &document{keep: period, build: func() any { return b.allSparks(true) }}
	b.own = [2]*document{
		{keep: second, build: func() any { return b.snapshot(false) }},
		{keep: period, build: func() any { return b.allSparks(false) }},
	}
	b.route()
	return b
}

// Close ends the sampling and the requests to other processes, and waits for these. The
// pages still show what is; their history stands still.
func (b *Board) Close() {
	b.history.stop()
	b.closing.Lock()
	b.cancel()
	b.closing.Unlock()
	b.fetches.Wait()
	if b.ownClient {
		b.client.CloseIdleConnections()
	}
}

// fetch runs f on a goroutine that Close waits for; it reports false, and does not, once the
// board is closed.
func (b *Board) fetch(f func()) bool {
	b.closing.Lock()
	defer b.closing.Unlock()
	if b.ctx.Err() != nil {
		return false
	}
	b.fetches.Go(f)
	return true
}

// ServeHTTP serves the page, its data and, with [WithAdmin], the changes.
func (b *Board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.URL.Path == "" { // what StripPrefix leaves of its prefix alone: relative links need the slash
		shown, _, _ := strings.Cut(r.RequestURI, "?")
		if !strings.HasSuffix(shown, "/") {
			w.Header().Set("Location", path.Base(shown)+"/")
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		r = r.Clone(r.Context())
		r.URL.Path = "/"
	}
	b.routes.ServeHTTP(w, r)
}

func (b *Board) route() {
	b.routes = http.NewServeMux()
	get := func(pattern string, h http.Handler) {
		b.routes.Handle("GET "+pattern, h)
		b.routes.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET, HEAD")
			decline(w, http.StatusMethodNotAllowed, errors.New("this can only be read"))
		})
	}
	for name, a := range assets() {
		get(name, a)
	}
	get("/data/now", b.data(b.now, b.own[0]))
	get("/data/sparks", b.data(b.sparks, b.own[1]))
	get("/data/command", b.bounded(http.HandlerFunc(b.serveCommand)))
	b.routes.HandleFunc("/do/{action}", b.serveAction)
	b.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		decline(w, http.StatusNotFound,
			errors.New("the dashboard has no such page: is it mounted with http.StripPrefix, at a path that ends in a slash?"))
	})
}

// data serves a document: the one of all processes, or with ?own=1, as another dashboard
// asks, the one of this process alone.
func (b *Board) data(all, own *document) http.Handler {
	return b.bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := all
		if r.URL.Query().Has("own") {
			d = own
		}
		d.serve(w, r)
	}))
}

// bounded refuses what is more than the viewers there may be.
func (b *Board) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case b.slots <- struct{}{}:
			defer func() { <-b.slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "2")
			decline(w, http.StatusServiceUnavailable, fmt.Errorf("%d requests are served already, which is the most", b.most))
		}
	})
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "this process"
	}
	return name
}

// second is how old the numbers that viewers share may be.
const second = time.Second
