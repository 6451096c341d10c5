// Quillturbine reads the hystrix.streams of several processes and serves their sum, for
// Hystrix's dashboard and whatever else reads such streams.
//
//	go run github.com/seed-f7c3343e/quill/cmd/quillturbine \
//		-upstream catalog-1=http://catalog-1:8081/hystrix.stream \
//		-upstream catalog-2=http://catalog-2:8081/hystrix.stream
//
// It serves the sum at /turbine.stream, and at /turbine.status how each upstream is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed-f7c3343e/quill/quillstream"
)

const usage = `Usage: quillturbine -upstream [NAME=]URL [-upstream [NAME=]URL ...] [flags]

Reads the hystrix.streams of the upstreams and serves their sum at /turbine.stream, and at
/turbine.status how each upstream is. It reads nothing else.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (addr string, s quillstream.AggregatorSettings, err error) {
	fs := flag.NewFlagSet("quillturbine", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		_, _ = fmt.Fprintf(stderr, "%s\n\nFlags:\n", usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&addr, "addr", "localhost:8989", "the `address` to serve on")
	fs.Func("upstream", "a stream to read, as `[NAME=]URL`; as often as there are streams", func(text string) error {
		u := quillstream.Upstream{URL: text}
		if name, at, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(name, ":/?") {
			u = quillstream.Upstream{Name: name, URL: at}
		}
		s.Upstreams = append(s.Upstreams, u)
		return nil
	})
	fs.DurationVar(&s.Silence, "silence", quillstream.DefaultSilence, "`how long` an upstream may be silent before it leaves the sum")
	fs.DurationVar(&s.Stream.Interval, "interval", quillstream.DefaultInterval, "`time` between two sums")
	fs.IntVar(&s.Stream.MaxClients, "max-clients", quillstream.DefaultMaxClients, "how `many` may read at once")
	if err = fs.Parse(args); err != nil {
		return "", s, err
	}
	if fs.NArg() > 0 {
		return "", s, fmt.Errorf("quillturbine: unknown argument %q: streams are given with -upstream", fs.Arg(0))
	}
	return addr, s, nil
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	addr, settings, err := parse(args, stderr)
	if err != nil {
		return err
	}
	sum, err := quillstream.NewAggregator(settings)
	if err != nil {
		return err
	}
	defer sum.Close()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /turbine.stream", sum)
	mux.HandleFunc("GET /turbine.status", sum.ServeStatus)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintf(stdout, "the sum of %d streams: http://%s/turbine.stream (how they are: /turbine.status)\n",
		len(settings.Upstreams), listener.Addr())
	ended := make(chan error, 1)
	context.AfterFunc(ctx, func() { ended <- server.Shutdown(context.Background()) })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended // Serve returns when Shutdown begins
}
