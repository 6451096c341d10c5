package quill_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleCall_Context() {
	circuit := quill.NewCircuit("call-context", quill.Settings{Timeout: 5 * time.Millisecond})
	call, err := circuit.Begin(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}

	<-call.Context().Done() // the work takes too long
	fmt.Println(context.Cause(call.Context()))

	outcome, err := call.End(call.Context().Err())
	fmt.Println(outcome, err)
	// Output:
	// timeout
	// timeout quill: call-context: timeout
}

func ExampleCall_End() {
	circuit := quill.NewCircuit("call-end")
	call, err := circuit.Begin(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(call.End(errors.New("the stream broke off")))
	fmt.Println(call.End(nil)) // too late: only the first End counts
	fmt.Println(circuit.Stats().Total.Failure, circuit.Stats().InFlight)
	// Output:
	// failure the stream broke off
	// failure the stream broke off
	// 1 0
}
