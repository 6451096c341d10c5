package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/cluster"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/control"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/instance"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/ratings"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/tmdb"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

const allUsage = `Usage: moviecatalog [flags]
       moviecatalog serve -only SERVICE [flags]
       moviecatalog story [flags]

Starts the catalog, two instances each of movie-info and ratings-data, and a control page,
and serves until Ctrl-C. With TMDB_TOKEN (preferred) or TMDB_API_KEY in the environment
the real Movie Database is asked, otherwise a stand-in that is started along.`

// workers is how many requests the catalog serves at once: Tomcat's default.
const workers = 200

// grace is how long requests under way may take when the program ends.
const grace = 3 * time.Second

// ports are the flags that move the ports, by instance.
var ports = []struct{ instance, flag, addr, usage string }{
	{"control", "control-addr", "localhost:8080", "`address` of the control page"},
	{cluster.Catalog, "catalog-addr", "localhost:8081", "`address` of the catalog"},
	{cluster.MovieInfo1, "movieinfo-addr", "localhost:8082", "`address` of the first movie-info"},
	{cluster.MovieInfo2, "movieinfo2-addr", "localhost:8182", "`address` of the second movie-info"},
	{cluster.Ratings1, "ratings-addr", "localhost:8083", "`address` of the first ratings-data"},
	{cluster.Ratings2, "ratings2-addr", "localhost:8183", "`address` of the second ratings-data"},
	{cluster.TMDB, "tmdb-addr", "localhost:8084", "`address` of the stand-in for The Movie Database"},
}

// flagOf returns the flag that moves the instance's port.
func flagOf(instance string) string {
	for _, p := range ports {
		if p.instance == instance {
			return p.flag
		}
	}
	return "addr"
}

// allFlags are what the default command was told.
type allFlags struct {
	addrs   map[string]string // by instance
	tmdbURL string
	rate    float64
}

func parseAll(args []string, stderr io.Writer) (allFlags, error) {
	f := allFlags{addrs: map[string]string{}}
	fs := flag.NewFlagSet("moviecatalog", flag.ContinueOnError)
	addrs := map[string]*string{}
	for _, p := range ports {
		addrs[p.instance] = fs.String(p.flag, p.addr, p.usage)
	}
	fs.StringVar(&f.tmdbURL, "tmdb-url", "",
		"`URL` of The Movie Database, if another than "+tmdb.RealURL+"; no stand-in is started then")
	f.rate = -1
	fs.Func("traffic",
		"`requests` per second that the control page's users send at first, 0 to 200\n"+
			"(default 20, or 0 with the real Movie Database)",
		func(s string) (err error) {
			if f.rate, err = strconv.ParseFloat(s, 64); err != nil || !(f.rate >= 0 && f.rate <= control.MaxRate) {
				return fmt.Errorf("must be 0 to %d", control.MaxRate)
			}
			return nil
		})
	if err := parse(fs, args, stderr, allUsage); err != nil {
		return f, err
	}
	for name, addr := range addrs {
		f.addrs[name] = *addr
	}
	return f, nil
}

// all is the default command: everything in one process.
func all(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parseAll(args, stderr)
	if err != nil {
		return err
	}
	source, err := findTMDB(f.tmdbURL)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(stdout, source.words)

	log, reg := newLog(stderr), quill.NewRegistry()
	c, err := cluster.Start(cluster.Config{
		Addrs: f.addrs, TMDB: source.Config, StandIn: source.standIn, Workers: workers, Registry: reg, Log: log,
	})
	if err != nil {
		return explain(err, "")
	}
	defer func() { err = errors.Join(err, end(c)) }()
	panel := control.New(c, reg, source.words, log)
	defer panel.Close()
	page, err := instance.Start("control", f.addrs["control"], panel.Handler(), log)
	if err != nil {
		return explain(&cluster.AddrError{Instance: "control", Addr: f.addrs["control"], Err: err}, "")
	}
	defer func() { err = errors.Join(err, end(page)) }()
	panel.SetTraffic(f.firstRate(source.standIn))

	greet(stdout, c, page)
	<-ctx.Done()
	_, _ = fmt.Fprintln(stdout, "ending ...")
	return nil
}

// firstRate is low with the real Movie Database: what others serve for nothing is not for
// playing with.
func (f allFlags) firstRate(standIn bool) float64 {
	switch {
	case f.rate >= 0:
		return f.rate
	case standIn:
		return 20
	default:
		return 0
	}
}

func greet(w io.Writer, c *cluster.Cluster, page *instance.Instance) {
	for _, i := range c.Instances() {
		_, _ = fmt.Fprintf(w, "  %-12s %s\n", i.Name(), i.URL())
	}
	_, _ = fmt.Fprintf(w, "Ask for a catalog:      curl %s/catalog/alice   (users: %s)\n",
		c.Instance(cluster.Catalog).URL(), strings.Join(ratings.Users(), ", "))
	_, _ = fmt.Fprintf(w, "Make a service sick at: %s\n", page.URL())
	_, _ = fmt.Fprintf(w, "For Prometheus:         %s/metrics\n", page.URL())
	_, _ = fmt.Fprintf(w, "For Hystrix dashboards: %s/hystrix.stream\n", page.URL())
	_, _ = fmt.Fprintln(w, "Ctrl-C ends everything.")
}

// end closes c in good order: requests under way get a moment to finish.
func end(c interface {
	Close(ctx context.Context) error
},
) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return c.Close(ctx)
}

// explain says of a taken port which flag moves it; an empty move means the instance's own.
func explain(err error, move string) error {
	e, ok := errors.AsType[*cluster.AddrError](err)
	if !ok {
		return err
	}
	if move == "" {
		move = flagOf(e.Instance) + " localhost:PORT"
	}
	if errors.Is(e, syscall.EADDRINUSE) {
		_, port, splitErr := net.SplitHostPort(e.Addr)
		if splitErr != nil {
			port = e.Addr
		}
		return fmt.Errorf("port %s, on which %s should serve, is taken by another program: "+
			"end that one, or choose another port with -%s", port, e.Instance, move)
	}
	return fmt.Errorf("%s cannot serve on %q (flag -%s): %w", e.Instance, e.Addr, move, e.Err)
}

func newLog(w io.Writer) *slog.Logger {
	return slog.New(web.Throttle(slog.NewTextHandler(w, nil), time.Second))
}

// tmdbSource says which Movie Database is asked.
type tmdbSource struct {
	tmdb.Config

	standIn bool
	words   string
}

// findTMDB looks at the environment. The error is one of the command line: baseURL is no
// URL.
func findTMDB(baseURL string) (tmdbSource, error) {
	s := tmdbSource{Config: tmdb.Config{
		BaseURL: baseURL, Token: os.Getenv("TMDB_TOKEN"), Key: os.Getenv("TMDB_API_KEY"),
	}}
	credential := "without a key: neither TMDB_TOKEN nor TMDB_API_KEY is set"
	switch {
	case s.Token != "":
		credential = "with the token of TMDB_TOKEN"
	case s.Key != "":
		credential = "with the key of TMDB_API_KEY"
	case baseURL == "":
		s.standIn = true
		s.words = "The Movie Database: a stand-in, because neither TMDB_TOKEN nor TMDB_API_KEY is set"
		return s, nil
	}
	s.words = "The Movie Database: at " + baseURL + " (-tmdb-url), " + credential
	if baseURL == "" {
		s.BaseURL = tmdb.RealURL
		s.words = "The Movie Database: the real one at " + s.BaseURL + ", " + credential
	}
	if _, err := tmdb.NewClient(s.Config); err != nil {
		return s, usageError{err}
	}
	return s, nil
}
