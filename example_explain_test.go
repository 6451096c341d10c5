package quill_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleCircuit_Explain() {
	getTitle := quill.New("explain-titles", fetchDown, quill.Settings{RequestVolumeThreshold: 3})
	for range 3 {
		_, _ = getTitle.Do(context.Background(), "550")
	}

	e := getTitle.Circuit().Explain()
	fmt.Println(e.Transitions[0].Reason)
	fmt.Println("it", e.Rule)
	for _, sample := range e.Transitions[0].Errors {
		fmt.Println("error:", sample.Count, "times", sample.Text)
	}
	// Output:
	// opened for 5s: 3 of 3 calls failed (100 %, threshold 50 %) in the last 10s
	// it opens when at least 50 % of the calls of the last 10s failed, once there were at least 3
	// error: 3 times connection refused
}

func ExampleWithRedact() {
	noSecrets := func(err error) string { return strings.ReplaceAll(err.Error(), "token=s3cret", "token=…") }
	circuit := quill.NewCircuit("explain-redact", quill.WithRedact(noSecrets))
	_, _ = quill.Do(context.Background(), circuit, func(context.Context) (string, error) {
		return "", errors.New("GET /title?token=s3cret: refused")
	})

	fmt.Println(circuit.Explain().Errors[0].Text)
	// Output: GET /title?token=…: refused
}

func ExampleCircuit_Shadow() {
	// A circuit that refuses nothing, and beside it the settings that one thinks of.
	getTitle := quill.New("shadow-titles", fetchDown,
		quill.PassThrough(), quill.WithShadow(quill.Settings{RequestVolumeThreshold: 3}))
	for range 10 {
		_, _ = getTitle.Do(context.Background(), "550")
	}

	shadow, _ := getTitle.Circuit().Shadow()
	fmt.Println("the candidate is", shadow.State)
	fmt.Println("of", shadow.Calls, "calls it would have refused", shadow.ShortCircuited)
	fmt.Println("of these", shadow.RefusedFailed, "failed anyway,", shadow.RefusedSucceeded, "succeeded")
	// Output:
	// the candidate is open
	// of 10 calls it would have refused 7
	// of these 7 failed anyway, 0 succeeded
}

func ExampleCircuit_SetShadow() {
	circuit := quill.NewCircuit("shadow-set")
	fmt.Println(circuit.SetShadow(quill.Settings{ErrorPercentThreshold: 101}))

	_ = circuit.SetShadow(quill.Settings{ErrorPercentThreshold: 25})
	shadow, _ := circuit.Shadow()
	fmt.Println(shadow.Settings.ErrorPercentThreshold, shadow.State)
	// Output:
	// quill: settings of "shadow-set": ErrorPercentThreshold is 101: must be more than 0, at most 100
	// 25 closed
}

func ExamplePassThrough() {
	circuit := quill.NewCircuit("shadow-through", quill.PassThrough())
	for _, sentence := range circuit.Settings().InWords()[:2] {
		fmt.Println(sentence)
	}
	// Output:
	// The breaker is disabled: the circuit admits every call.
	// The circuit opens when at least 50 % of the calls of the last 10s failed, once there were at least 20.
}

func ExampleWithShadow() {
	circuit := quill.NewCircuit("shadow-with",
		quill.Settings{Timeout: time.Second},
		quill.WithShadow(quill.Settings{Timeout: 300 * time.Millisecond})) // would it be enough?
	shadow, _ := circuit.Shadow()
	fmt.Println("of", shadow.Calls, "calls", shadow.TimedOut, "would have been cut")
	// Output: of 0 calls 0 would have been cut
}

func ExampleCircuit_EndShadow() {
	circuit := quill.NewCircuit("shadow-end", quill.WithShadow(quill.Settings{}))
	circuit.EndShadow()

	_, ok := circuit.Shadow()
	fmt.Println(ok)
	// Output: false
}
