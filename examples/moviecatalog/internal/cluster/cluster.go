// Package cluster starts the demo's services in one process, each instance on a port of
// its own, and ends them again. The program and each lesson of the story use it.
package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/instance"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/movieinfo"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/ratings"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/tmdb"
)

// Names of the instances, as logs, the control page and [AddrError] use them.
const (
	Catalog    = "catalog"
	MovieInfo1 = "movieinfo-1"
	MovieInfo2 = "movieinfo-2"
	Ratings1   = "ratings-1"
	Ratings2   = "ratings-2"
	TMDB       = "tmdb"
)

// Config says what to start. An address of "127.0.0.1:0" takes a free port.
type Config struct {
	Addrs    map[string]string // instance name -> address; all but TMDB must be there
	TMDB     tmdb.Config       // ignored if StandIn
	StandIn  bool              // start a stand-in for The Movie Database
	Workers  int               // requests the catalog serves at once; 0 = no limit
	Registry *quill.Registry
	Log      *slog.Logger

	// Catalog builds what the catalog's handler serves. Nil means [catalog.Guarded] with
	// every fallback and the default settings.
	Catalog func(u catalog.Upstreams) catalog.Cataloger
	// Transport, if set, carries the catalog's own calls. Nil means a fresh one.
	Transport http.RoundTripper
}

// Cluster is the running services. It is safe for concurrent use.
type Cluster struct {
	instances []*instance.Instance // in the order they were started
	clients   []*http.Client
}

// AddrError says which instance could not get its address.
type AddrError struct {
	Instance, Addr string
	Err            error
}

func (e *AddrError) Error() string {
	return e.Instance + " cannot listen on " + e.Addr + ": " + e.Err.Error()
}
func (e *AddrError) Unwrap() error { return e.Err }

// Start starts everything, or nothing: an *[AddrError] tells which address is not to be had.
func Start(cfg Config) (_ *Cluster, err error) {
	c := &Cluster{}
	defer func() {
		if err != nil {
			_ = c.Close(context.Background()) // the error to tell is the first
		}
	}()
	if err := c.startTMDB(&cfg); err != nil {
		return nil, err
	}
	client, err := tmdb.NewClient(cfg.TMDB)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{MovieInfo1, MovieInfo2} {
		log := cfg.Log.With("service", name)
		h := movieinfo.New(name, client, cfg.Registry, log).Handler()
		if err := c.start(cfg, name, h); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{Ratings1, Ratings2} {
		if err := c.start(cfg, name, ratings.Handler(cfg.Log.With("service", name))); err != nil {
			return nil, err
		}
	}
	return c, c.startCatalog(cfg)
}

func (c *Cluster) startTMDB(cfg *Config) error {
	cfg.TMDB.HTTP = c.client(nil)
	if !cfg.StandIn {
		return nil
	}
	const key = "stand-in" // so that the client's way of showing its key is exercised
	if err := c.start(*cfg, TMDB, &tmdb.StandIn{Token: key}); err != nil {
		return err
	}
	cfg.TMDB.BaseURL, cfg.TMDB.Token, cfg.TMDB.Key = c.Instance(TMDB).URL(), key, ""
	return nil
}

func (c *Cluster) startCatalog(cfg Config) error {
	log := cfg.Log.With("service", Catalog)
	u := catalog.Upstreams{
		Ratings: []string{c.Instance(Ratings1).URL(), c.Instance(Ratings2).URL()},
		Movies:  []string{c.Instance(MovieInfo1).URL(), c.Instance(MovieInfo2).URL()},
		HTTP:    c.client(cfg.Transport),
	}
	if cfg.Catalog == nil {
		g := catalog.Guard{Settings: catalog.DefaultSettings, Fallbacks: catalog.AllFallbacks}
		cfg.Catalog = func(u catalog.Upstreams) catalog.Cataloger {
			return catalog.New(catalog.Guarded(u, g, cfg.Registry, log))
		}
	}
	return c.start(cfg, Catalog, catalog.Handler(cfg.Catalog(u), cfg.Workers, log))
}

func (c *Cluster) start(cfg Config, name string, h http.Handler) error {
	i, err := instance.Start(name, cfg.Addrs[name], h, cfg.Log)
	if err != nil {
		return &AddrError{name, cfg.Addrs[name], err}
	}
	c.instances = append(c.instances, i)
	return nil
}

// client returns a client that can keep as many connections as a lesson has calls under
// way: the default of two per host would measure the dialing.
func (c *Cluster) client(rt http.RoundTripper) *http.Client {
	if rt == nil {
		rt = NewTransport()
	}
	client := &http.Client{Transport: rt}
	c.clients = append(c.clients, client)
	return client
}

// NewTransport returns a transport that keeps many idle connections per host.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     30 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
	}
}

// Instances lists the instances in the order in which they were started.
func (c *Cluster) Instances() []*instance.Instance { return c.instances }

// Instance returns the instance of that name, or nil.
func (c *Cluster) Instance(name string) *instance.Instance {
	for _, i := range c.instances {
		if i.Name() == name {
			return i
		}
	}
	return nil
}

// Close ends all instances, the one that asks the others first. Requests under way may
// finish until ctx ends.
func (c *Cluster) Close(ctx context.Context) error {
	var errs []error
	for _, i := range slices.Backward(c.instances) {
		errs = append(errs, i.Close(ctx))
	}
	for _, client := range c.clients {
		client.CloseIdleConnections()
	}
	return errors.Join(errs...)
}
