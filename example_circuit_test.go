package quill_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// trip makes a circuit with small numbers and lets its dependency fail until it opens.
func trip(name string) *quill.Circuit {
	getTitle := quill.New(name, fetchDown, quill.Settings{RequestVolumeThreshold: 4})
	for range 4 {
		_, _ = getTitle.Do(context.Background(), "550")
	}
	return getTitle.Circuit()
}

func ExampleNewCircuit() {
	circuit := quill.NewCircuit("new-circuit", quill.Settings{
		Timeout:                300 * time.Millisecond,
		RequestVolumeThreshold: 10,
	})
	getTitle := quill.Bind(circuit, fetchTitle)

	fmt.Println(getTitle.Do(context.Background(), "550"))
	// Output: Movie 550 <nil>
}

func ExampleCircuit_Name() {
	fmt.Println(quill.NewCircuit("some-name").Name())
	// Output: some-name
}

func ExampleCircuit_State() {
	getTitle := quill.New("circuit-state", fetchDown, quill.Settings{RequestVolumeThreshold: 4})

	ctx := context.Background()
	for range 4 {
		_, err := getTitle.Do(ctx, "550")
		fmt.Println(getTitle.Circuit().State(), err)
	}

	_, err := getTitle.Do(ctx, "550") // refused: run is not called
	e, ok := errors.AsType[*quill.Error](err)
	fmt.Println(errors.Is(err, quill.ErrOpen), ok && e.RetryAfter > 4*time.Second)
	// Output:
	// closed connection refused
	// closed connection refused
	// closed connection refused
	// open connection refused
	// true true
}

func ExampleCircuit_Settings() {
	circuit := quill.NewCircuit("circuit-settings", quill.Settings{MaxConcurrent: 20})

	fmt.Println(circuit.Settings() == quill.Settings{MaxConcurrent: 20}) // as given
	fmt.Println(circuit.Stats().Settings.Timeout)                        // as in force
	// Output:
	// true
	// 1s
}

func ExampleCircuit_Declared() {
	circuit := quill.NewCircuit("circuit-declared", quill.Settings{MaxConcurrent: 20})
	fmt.Println(circuit.Configure(quill.Settings{MaxConcurrent: 5}))

	fmt.Println(circuit.Declared().MaxConcurrent) // as it was made
	fmt.Println(circuit.Settings().MaxConcurrent) // as in force
	// Output:
	// <nil>
	// 20
	// 5
}

func ExampleCircuit_Bulkhead() {
	circuit := quill.NewCircuit("circuit-bulkhead", quill.Settings{MaxConcurrent: 20})

	fmt.Println(circuit.Bulkhead().Name(), circuit.Bulkhead().Stats().MaxConcurrent)
	// Output: circuit-bulkhead 20
}

func ExampleCircuit_Configure() {
	circuit := quill.NewCircuit("circuit-configure")

	// All or nothing: the error names every field, and nothing has changed.
	err := circuit.Configure(quill.Settings{Timeout: time.Nanosecond, MaxConcurrent: -7})
	fmt.Println(err)

	// Configure sets all fields: those that are zero are back at their defaults. To change
	// one, start from what was given.
	s := circuit.Settings()
	s.Timeout = 300 * time.Millisecond
	fmt.Println(circuit.Configure(s), circuit.Settings().Timeout)
	// Output:
	// quill: settings of "circuit-configure": Timeout is 1ns: must be 1ms to 1h, or none; MaxConcurrent is -7: must be 1 to 1000000, or unlimited
	// <nil> 300ms
}

func ExampleCircuit_Override() {
	ctx := context.Background()
	getTitle := quill.New("circuit-override", fetchTitle)
	circuit := getTitle.Circuit()

	_ = circuit.Override(quill.ForceOpen, 0, "the database is moved")
	_, err := getTitle.Do(ctx, "550")
	fmt.Println(err)

	_ = circuit.Override(quill.NoOverride, 0, "")
	fmt.Println(getTitle.Do(ctx, "550"))
	// Output:
	// quill: circuit-override: circuit open (forced open: the database is moved)
	// Movie 550 <nil>
}

func ExampleCircuit_Reset() {
	circuit := trip("circuit-reset")
	fmt.Println(circuit.State(), circuit.Stats().Health.Requests)

	circuit.Reset()
	fmt.Println(circuit.State(), circuit.Stats().Health.Requests, circuit.Stats().Total.Failure)
	// Output:
	// open 4
	// closed 0 4
}

func ExampleCircuit_Stats() {
	s := trip("circuit-stats").Stats() // one consistent value; reading moves nothing

	fmt.Println(s.State, s.Open())
	fmt.Println(s.Total.Failure, "of", s.Total.Total(), "calls failed")
	fmt.Println(s.LastTransition.Reason)
	// Output:
	// open true
	// 4 of 4 calls failed
	// opened for 5s: 4 of 4 calls failed (100 %, threshold 50 %) in the last 10s
}

func ExampleCircuit_Begin() {
	circuit := quill.NewCircuit("circuit-begin")

	// watch is one call as long as it reads: the slot is held, the time runs.
	watch := func(ctx context.Context) (err error) {
		call, err := circuit.Begin(ctx)
		if err != nil {
			return err // refused, and settled
		}
		defer func() { _, err = call.End(err) }()

		return readAll(call.Context())
	}

	fmt.Println(watch(context.Background()))
	fmt.Println(circuit.Stats().Total.Success)
	// Output:
	// <nil>
	// 1
}

// readAll stands for work that outlives one function, such as reading a stream.
func readAll(ctx context.Context) error { return ctx.Err() }
