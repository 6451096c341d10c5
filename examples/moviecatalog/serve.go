package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/cluster"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/instance"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/movieinfo"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/ratings"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/tmdb"
)

const serveUsage = `Usage: moviecatalog serve -only catalog|movieinfo|ratings|tmdb [flags]

Serves one instance of one service as a process of its own, so that it can be killed for
real. A catalog asks the addresses that -movieinfo and -ratings name. A movieinfo asks the
real Movie Database if TMDB_TOKEN or TMDB_API_KEY is set, or what -tmdb-url names, or else
a stand-in of its own.`

// serveFlags are what "serve" was told.
type serveFlags struct {
	only, host         string
	port               int
	tmdbURL            string
	movieInfo, ratings string
}

// defaultPorts are those that the services have when all is one process.
var defaultPorts = map[string]int{"catalog": 8081, "movieinfo": 8082, "ratings": 8083, "tmdb": 8084}

func parseServe(args []string, stderr io.Writer) (serveFlags, error) {
	var f serveFlags
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.StringVar(&f.only, "only", "", "the `service`: catalog, movieinfo, ratings or tmdb (the stand-in)")
	fs.StringVar(&f.host, "host", "localhost", "the `host` name or address to listen on")
	f.port = -1
	fs.Func("port", "the `port` to listen on, 0 for a free one (default 8081 catalog, 8082 movieinfo, 8083 ratings, 8084 tmdb)",
		func(s string) (err error) {
			if f.port, err = strconv.Atoi(s); err != nil || f.port < 0 || f.port > 65535 {
				return errors.New("must be 0 (a free one) to 65535")
			}
			return nil
		})
	fs.StringVar(&f.tmdbURL, "tmdb-url", "", "movieinfo: `URL` of The Movie Database, if another than "+tmdb.RealURL)
	fs.StringVar(&f.movieInfo, "movieinfo", "http://localhost:8082,http://localhost:8182",
		"catalog: `URLs` of the movie-infos, in the order in which they are asked")
	fs.StringVar(&f.ratings, "ratings", "http://localhost:8083,http://localhost:8183",
		"catalog: `URLs` of the ratings-datas")
	if err := parse(fs, args, stderr, serveUsage); err != nil {
		return f, err
	}
	port, ok := defaultPorts[f.only]
	if !ok {
		return f, usageError{fmt.Errorf("-only %q: must be catalog, movieinfo, ratings or tmdb", f.only)}
	}
	if f.port == -1 {
		f.port = port
	}
	if err := f.check(fs); err != nil {
		return f, usageError{err}
	}
	return f, nil
}

// owners are the services that a flag is for, where it is not for all.
var owners = map[string]string{"tmdb-url": "movieinfo", "movieinfo": "catalog", "ratings": "catalog"}

// check refuses flags that are not for the service, and URLs that are none: otherwise the
// service would start, and each of its calls fail.
func (f serveFlags) check(fs *flag.FlagSet) (err error) {
	fs.Visit(func(given *flag.Flag) {
		if owner := owners[given.Name]; owner != "" && owner != f.only && err == nil {
			err = fmt.Errorf("-%s is a flag of -only %s and none of -only %s", given.Name, owner, f.only)
		}
	})
	if err != nil || f.only != "catalog" {
		return err
	}
	return errors.Join(checkURLs("movieinfo", f.movieInfo), checkURLs("ratings", f.ratings))
}

func checkURLs(name, list string) error {
	urls := split(list)
	if len(urls) == 0 {
		return fmt.Errorf("-%s %q: need at least one URL, such as http://localhost:8082", name, list)
	}
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("-%s %q: must be http://HOST:PORT or https://HOST:PORT, several with commas between", name, s)
		}
		if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
			return fmt.Errorf("-%s %q: the port must be 1 to 65535", name, s)
		}
	}
	return nil
}

// serve is the command "serve": one service until ctx ends.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parseServe(args, stderr)
	if err != nil {
		return err
	}
	log := newLog(stderr)
	h, closing, err := f.handler(stdout, log)
	if err != nil {
		return err
	}
	defer closing()
	addr := net.JoinHostPort(f.host, strconv.Itoa(f.port))
	i, err := instance.Start(f.only, addr, h, log)
	if err != nil {
		return explain(&cluster.AddrError{Instance: f.only, Addr: addr, Err: err}, "port PORT")
	}
	_, _ = fmt.Fprintf(stdout, "%s serves on %s (Ctrl-C ends it)\n", f.only, i.URL())
	<-ctx.Done()
	_, _ = fmt.Fprintln(stdout, "ending ...")
	return end(i)
}

// handler builds the service, and what to close after it.
func (f serveFlags) handler(stdout io.Writer, log *slog.Logger) (http.Handler, func(), error) {
	reg := quill.NewRegistry()
	client := &http.Client{Transport: cluster.NewTransport()}
	switch f.only {
	case "tmdb":
		return &tmdb.StandIn{}, func() {}, nil
	case "ratings":
		return ratings.Handler(log), func() {}, nil
	case "movieinfo":
		return f.movieInfoHandler(client, reg, stdout, log)
	}
	u := catalog.Upstreams{Ratings: split(f.ratings), Movies: split(f.movieInfo), HTTP: client}
	g := catalog.Guard{Settings: catalog.DefaultSettings, Fallbacks: catalog.AllFallbacks}
	c := catalog.New(catalog.Guarded(u, g, reg, log))
	return catalog.Handler(c, workers, log), client.CloseIdleConnections, nil
}

func (f serveFlags) movieInfoHandler(
	client *http.Client, reg *quill.Registry, stdout io.Writer, log *slog.Logger,
) (http.Handler, func(), error) {
	source, err := findTMDB(f.tmdbURL)
	if err != nil {
		return nil, nil, err
	}
	closing := client.CloseIdleConnections
	if source.standIn {
		standIn, err := instance.Start("stand-in", "localhost:0", &tmdb.StandIn{}, log)
		if err != nil {
			return nil, nil, err
		}
		source.BaseURL = standIn.URL()
		closing = func() {
			client.CloseIdleConnections()
			_ = end(standIn)
		}
	}
	_, _ = fmt.Fprintln(stdout, source.words)
	source.HTTP = client
	c, err := tmdb.NewClient(source.Config)
	if err != nil {
		closing()
		return nil, nil, usageError{err}
	}
	return movieinfo.New("movieinfo", c, reg, log).Handler(), closing, nil
}

// split cuts a list of URLs at its commas.
func split(list string) []string {
	var urls []string
	for u := range strings.SplitSeq(list, ",") {
		if u = strings.TrimSuffix(strings.TrimSpace(u), "/"); u != "" {
			urls = append(urls, u)
		}
	}
	return urls
}
