package quill_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleNewRegistry() {
	// A program can do with DefaultRegistry. A test wants one of its own.
	registry := quill.NewRegistry()
	getTitle := quill.New("titles", fetchTitle, quill.WithRegistry(registry))

	circuit, _ := registry.Lookup("titles")
	fmt.Println(circuit == getTitle.Circuit())
	// Output: true
}

func ExampleRegistry_Circuit() {
	registry := quill.NewRegistry()

	_, err := registry.Circuit("orders", quill.Settings{ErrorPercentThreshold: 150})
	fmt.Println(err)

	orders, err := registry.Circuit("orders", quill.Settings{ErrorPercentThreshold: 15})
	fmt.Println(orders.Name(), err)

	// Without settings it takes the circuit as it is.
	same, err := registry.Circuit("orders")
	fmt.Println(same == orders, err)
	// Output:
	// quill: settings of "orders": ErrorPercentThreshold is 150: must be more than 0, at most 100
	// orders <nil>
	// true <nil>
}

func ExampleRegistry_Lookup() {
	registry := quill.NewRegistry()
	quill.NewCircuit("orders", quill.WithRegistry(registry))

	orders, ok := registry.Lookup("orders")
	fmt.Println(orders.Name(), ok)
	_, ok = registry.Lookup("invoices")
	fmt.Println(ok)
	// Output:
	// orders true
	// false
}

func ExampleRegistry_All() {
	registry := quill.NewRegistry()
	quill.NewCircuit("orders", quill.WithRegistry(registry))
	quill.NewCircuit("invoices", quill.WithRegistry(registry))

	for circuit := range registry.All() { // by name
		fmt.Println(circuit.Name(), circuit.State())
	}
	// Output:
	// invoices closed
	// orders closed
}

func ExampleRegistry_Len() {
	registry := quill.NewRegistry()
	quill.NewCircuit("orders", quill.WithRegistry(registry))

	fmt.Println(registry.Len())
	// Output: 1
}

func ExampleRegistry_Remove() {
	registry := quill.NewRegistry()
	old := quill.NewCircuit("orders", quill.WithRegistry(registry))

	fmt.Println(registry.Remove("orders"), registry.Remove("orders"))

	// Whoever holds the old circuit goes on with it; the name makes a new one.
	fresh := quill.NewCircuit("orders", quill.WithRegistry(registry))
	fmt.Println(old == fresh)
	// Output:
	// true false
	// false
}

func ExampleRegistry_AddHooks() {
	registry := quill.NewRegistry()
	getTitle := quill.New("titles", fetchTitle, quill.WithRegistry(registry))

	// For all circuits, also those made in packages that are not yours, before or after.
	registry.AddHooks(quill.Hooks{OnCall: func(_ context.Context, e quill.CallEvent) {
		fmt.Println(e.Command, e.Outcome)
	}})
	_, _ = getTitle.Do(context.Background(), "550")
	// Output: titles success
}

func ExampleRegistry_Wait() {
	registry := quill.NewRegistry()
	sendMail := quill.New("mail", func(_ context.Context, text string) (string, error) {
		fmt.Println("sent", text)
		return text, nil
	}, quill.WithRegistry(registry))
	sendMail.Go(context.Background(), "hello") // fire and forget

	// The process stops: nothing calls any more, and what was begun has 5 s left.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := registry.Wait(ctx); err != nil {
		fmt.Println(err) // such as "quill: still at work: mail (1 in flight, 1 of these abandoned): context deadline exceeded"
	}
	// Output: sent hello
}

func ExampleRegistry_Overlay() {
	registry := quill.NewRegistry()
	orders := quill.NewCircuit("orders", quill.Settings{MaxConcurrent: 50}, quill.WithRegistry(registry))

	err := registry.Overlay([]byte(`{"orders": {"timeout": "250ms"}}`))
	fmt.Println(orders.Settings().Timeout, orders.Settings().MaxConcurrent, err)

	// What is taken out of the file is as the source has it.
	err = registry.Overlay([]byte(`{}`))
	fmt.Println(orders.Settings() == orders.Declared(), err)
	// Output:
	// 250ms 50 <nil>
	// true <nil>
}

// settingsFile is what an operator writes.
const settingsFile = `{
	"orders":   {"timeout": "300ms", "maxConcurrent": 40},
	"invoices": {"timeout": "2s", "errorPercentThreshold": 25}
}`

func ExampleRegistry_Configure() {
	registry := quill.NewRegistry()
	orders := quill.NewCircuit("orders", quill.WithRegistry(registry))
	invoices := quill.NewCircuit("invoices", quill.WithRegistry(registry))

	settings, err := quill.ParseSettingsMap([]byte(settingsFile))
	if err == nil {
		err = registry.Configure(settings) // all of them, or none
	}
	fmt.Println(err)
	fmt.Println(orders.Settings().Timeout, invoices.Settings().Timeout)

	// An unknown name, like a bad field, leaves everything as it was.
	settings["order"] = quill.Settings{Timeout: time.Second}
	fmt.Println(registry.Configure(settings))
	// Output:
	// <nil>
	// 300ms 2s
	// quill: circuit "order" does not exist
}
