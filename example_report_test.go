package quill_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// A health check that finds the dependency ill opens the circuit before any user has to.
func ExampleCircuit_Report() {
	circuit := quill.NewCircuit("checked", quill.WithRegistry(quill.NewRegistry()),
		quill.Settings{RequestVolumeThreshold: 3})
	for range 3 {
		circuit.Report(context.Background(), errors.New("connection refused"), 20*time.Millisecond)
	}
	fmt.Println(circuit.State())
	// Output: open
}

// The window holds ten failures. A lower threshold makes them too many, without another one.
func ExampleCircuit_Judge() {
	circuit := quill.NewCircuit("judged", quill.WithRegistry(quill.NewRegistry()))
	for range 10 {
		circuit.Report(context.Background(), errors.New("connection refused"), 20*time.Millisecond)
	}
	fmt.Println(circuit.Configure(quill.Settings{RequestVolumeThreshold: 10}), circuit.State())
	circuit.Judge()
	fmt.Println(circuit.State())
	// Output:
	// <nil> closed
	// open
}

// A threshold was set too low by mistake.
func ExampleCircuit_TakeBack() {
	circuit := quill.NewCircuit("taken-back", quill.WithRegistry(quill.NewRegistry()),
		quill.Settings{RequestVolumeThreshold: 2})
	for range 2 {
		circuit.Report(context.Background(), errors.New("connection refused"), 20*time.Millisecond)
	}
	fmt.Println(circuit.State(), circuit.Configure(quill.Settings{RequestVolumeThreshold: 20}))
	circuit.TakeBack()
	fmt.Println(circuit.State(), circuit.Stats().Health.Errors)
	// Output:
	// open <nil>
	// closed 2
}

func ExampleWithColdPool() {
	circuit := quill.NewCircuit("leak-checked", quill.WithRegistry(quill.NewRegistry()), quill.WithColdPool())
	circuit.Report(context.Background(), nil, 0)
	fmt.Println(circuit.Stats().Total.Success)
	// Output: 1
}
