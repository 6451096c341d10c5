// Package control is the page on which services are made sick and the guards are watched.
// It only reads and turns what exists already: it is no part of the catalog's own way.
package control

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/cluster"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// MaxRate is the most requests a second that the page's users send.
const MaxRate = 200

// Panel is the control page's server side. It is safe for concurrent use.
type Panel struct {
	cluster *cluster.Cluster
	reg     *quill.Registry
	tmdb    string // which Movie Database is asked, in words
	log     *slog.Logger
	client  *http.Client
	traffic *traffic
	board   *quillstream.Board
}

// New returns a Panel whose users are at rest.
func New(c *cluster.Cluster, reg *quill.Registry, tmdb string, log *slog.Logger) *Panel {
	client := &http.Client{Transport: cluster.NewTransport(), Timeout: 10 * time.Second}
	return &Panel{
		cluster: c, reg: reg, tmdb: tmdb, log: log, client: client,
		traffic: newTraffic(c.Instance(cluster.Catalog).URL(), client),
		board: quillstream.Dashboard(reg, quillstream.WithHost("moviecatalog"),
			quillstream.WithAdmin(quillstream.Admin{Authorize: everybody, Audit: audit(log)})),
	}
}

// audit writes what somebody did to a circuit on the dashboard into the log.
func audit(log *slog.Logger) func(quillstream.Action) {
	return func(a quillstream.Action) {
		log.Info("dashboard", "command", a.Command, "action", a.Kind, "override", a.Override, "reason", a.Reason, "err", a.Err)
	}
}

// everybody may change circuits here: who sees this page may also end the services.
func everybody(*http.Request) error { return nil }

// SetTraffic makes users come at this rate per second, 0 to MaxRate; 0 sends them home.
func (p *Panel) SetTraffic(rate float64) { p.traffic.set(rate) }

// Close sends the users home and waits until they have left.
func (p *Panel) Close() {
	p.traffic.set(0)
	p.client.CloseIdleConnections()
	p.board.Close()
}

// fetch asks the catalog as a user would.
func (p *Panel) fetch(ctx context.Context, user string) (*http.Response, error) {
	url := p.cluster.Instance(cluster.Catalog).URL() + "/catalog/" + user
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return p.client.Do(req)
}
