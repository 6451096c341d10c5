// Moviecatalog is the example of quill: three small services that ask one another for a
// user's movie catalog, a control page to make them sick, and a story that measures what
// the guards do about it.
//
//	go run ./examples/moviecatalog                       everything, and a control page
//	go run ./examples/moviecatalog story                 seven lessons, measured
//	go run ./examples/moviecatalog serve -only ratings   one service as its own process
//
// The packages, from the bottom up (each imports only what is above it here):
//
//	internal/api        the JSON the services speak, and how an answer came about
//	internal/web        HTTP: write JSON, get JSON, errors to statuses
//	internal/fault      makes an instance sick
//	internal/instance   a server on a port of its own that can be taken down
//	internal/tmdb       The Movie Database: a client, and a stand-in
//	internal/ratings    ratings-data-service
//	internal/movieinfo  movie-info-service, which guards The Movie Database
//	internal/catalog    movie-catalog-service, which guards the other two: see guard.go
//	internal/cluster    starts and ends them all
//	internal/load       users, arriving at a fixed rate
//	internal/control    the control page
//	internal/story      the seven lessons
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code, 0 when all went well (also
// when ended by Ctrl-C), 1 when something failed, 2 when the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := all
	if len(args) > 0 {
		switch args[0] {
		case "serve":
			command, args = serve, args[1:]
		case "story":
			command, args = play, args[1:]
		}
	}
	err := command(ctx, args, stdout, stderr)
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		if wrong.error != nil { // package flag has said it already otherwise
			_, _ = fmt.Fprintln(stderr, "moviecatalog:", err)
		}
		return 2
	default:
		_, _ = fmt.Fprintln(stderr, "moviecatalog:", err)
		return 1
	}
}

// usageError marks an error in the command line.
type usageError struct{ error }

// parse parses flags and refuses what is not one.
func parse(fs *flag.FlagSet, args []string, stderr io.Writer, usage string) error {
	fs.SetOutput(stderr)
	fs.Usage = func() {
		_, _ = fmt.Fprintf(stderr, "%s\n\nFlags:\n", usage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{}
	}
	if fs.NArg() > 0 {
		return usageError{fmt.Errorf("unknown argument %q: the commands are serve and story; -h tells the flags", fs.Arg(0))}
	}
	return nil
}
