package quill_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleNew() {
	getTitle := quill.New("titles", fetchTitle, quill.Settings{Timeout: 300 * time.Millisecond})

	fmt.Println(getTitle.Do(context.Background(), "550"))
	// Output: Movie 550 <nil>
}

func ExampleNew_sameName() {
	// The name is the identity: both commands have one breaker, one bulkhead, one window.
	byID := quill.New("one-circuit", fetchTitle)
	byName := quill.New("one-circuit", fetchDown)

	fmt.Println(byID.Circuit() == byName.Circuit())
	// Output: true
}

func ExampleBind() {
	// Names and settings that are known only at run time come with errors, not panics.
	circuit, err := quill.DefaultRegistry.Circuit("titles of shard 7", quill.Settings{MaxConcurrent: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	getTitle := quill.Bind(circuit, fetchTitle)

	fmt.Println(getTitle.Do(context.Background(), "550"))
	// Output: Movie 550 <nil>
}

func ExampleCommand_Name() {
	getTitle := quill.New("titles-by-name", fetchTitle)

	fmt.Println(getTitle.Name())
	// Output: titles-by-name
}

func ExampleCommand_Circuit() {
	getTitle := quill.New("titles-circuit", fetchTitle)

	fmt.Println(getTitle.Circuit().State())
	// Output: closed
}

func ExampleCommand_Do() {
	getTitle := quill.New("titles-do", fetchDown)

	// Without a fallback, run's own error reaches the caller untouched.
	_, err := getTitle.Do(context.Background(), "550")
	fmt.Println(err)
	// Output: connection refused
}

func ExampleCommand_Do_timeout() {
	getTitle := quill.New("titles-slow", hang, quill.Settings{Timeout: 5 * time.Millisecond})

	_, err := getTitle.Do(context.Background(), "550")
	fmt.Println(err)
	fmt.Println(errors.Is(err, quill.ErrTimeout), errors.Is(err, context.DeadlineExceeded))
	// Output:
	// quill: titles-slow: timeout
	// true true
}

func ExampleCommand_Answer() {
	getTitle := quill.New("titles-answer", fetchDown).OrElse("(no title)")

	a, err := getTitle.Answer(context.Background(), "550")
	fmt.Println("value:  ", a.Value, err)
	fmt.Println("outcome:", a.Outcome)
	fmt.Println("step:   ", a.Step)
	fmt.Println("cause:  ", a.Cause)
	// Output:
	// value:   (no title) <nil>
	// outcome: failure
	// step:    default
	// cause:   connection refused
}

func ExampleDo() {
	circuit := quill.NewCircuit("titles-ad-hoc")

	n, err := quill.Do(context.Background(), circuit, func(context.Context) (int, error) {
		return len("Fight Club"), nil
	})
	fmt.Println(n, err)
	// Output: 10 <nil>
}
