package quill_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleIgnore() {
	errNoSuchMovie := errors.New("no such movie")
	find := func(context.Context, string) (string, error) {
		return "", quill.Ignore(errNoSuchMovie) // the dependency is well, the request was wrong
	}
	getTitle := quill.New("errors-ignore", find).OrElse("(no title)")

	_, err := getTitle.Do(context.Background(), "0") // no fallback, and the error as it was
	fmt.Println(err)

	s := getTitle.Circuit().Stats()
	fmt.Println(s.Total.Ignored, s.Health.Requests) // no evidence about the dependency
	// Output:
	// no such movie
	// 1 0
}

func ExampleRetryAfter() {
	errBusy := errors.New("503 Service Unavailable")
	busy := func(context.Context, string) (string, error) {
		return "", quill.RetryAfter(errBusy, time.Minute) // the dependency's own word
	}
	getTitle := quill.New("errors-retry-after", busy, quill.Settings{RequestVolumeThreshold: 1})

	_, err := getTitle.Do(context.Background(), "550")
	fmt.Println(err) // as it was
	fmt.Println(getTitle.Circuit().Stats().LastTransition.Reason)
	// Output:
	// 503 Service Unavailable
	// opened for 1m0s: 1 of 1 calls failed (100 %, threshold 50 %) in the last 10s
}

func ExampleError() {
	circuit := trip("errors-error")
	getTitle := quill.Bind(circuit, fetchTitle).
		Fallback("file", func(context.Context, string, error) (string, error) {
			_, err := os.ReadFile("no such file")
			return "", err
		})

	_, err := getTitle.Do(context.Background(), "550")

	// Every error inside can be asked for: the cause, and that of each fallback step.
	fmt.Println(errors.Is(err, quill.ErrOpen), errors.Is(err, os.ErrNotExist))

	if e, ok := errors.AsType[*quill.Error](err); ok {
		fmt.Println(e.Command, e.Outcome, e.State)
		fmt.Println("come back later:", e.RetryAfter > 0)
	}
	// Output:
	// true true
	// errors-error short-circuited open
	// come back later: true
}

func ExampleWithClassifier() {
	errNotFound := errors.New("not found") // of a package that knows nothing of quill
	find := func(context.Context, string) (string, error) { return "", errNotFound }

	getTitle := quill.New("errors-classifier", find,
		quill.WithClassifier(func(err error) quill.Verdict {
			if errors.Is(err, errNotFound) {
				return quill.CountIgnored
			}
			return quill.CountFailure
		}))

	a, err := getTitle.Answer(context.Background(), "0")
	fmt.Println(a.Outcome, err)
	// Output: ignored not found
}

func ExamplePanicError() {
	broken := func(context.Context, string) (string, error) { panic("index out of range") }
	getTitle := quill.New("errors-panic", broken) // Pool: run is on another goroutine

	func() {
		defer func() {
			if p, ok := recover().(*quill.PanicError); ok {
				fmt.Println(p.Command, "panicked with:", p.Value)
				fmt.Println("original stack:", len(p.Stack) > 0)
			}
		}()
		_, _ = getTitle.Do(context.Background(), "550") // the panic reaches the caller
	}()

	fmt.Println(getTitle.Circuit().Stats().Total.Failure) // counted, and its slot given back
	// Output:
	// errors-panic panicked with: index out of range
	// original stack: true
	// 1
}
