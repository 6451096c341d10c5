package quill_test

import (
	"context"
	"fmt"

	"github.com/seed-f7c3343e/quill"
)

func ExampleNewBulkhead() {
	// Two circuits, one database behind both: together at most 8 calls at once.
	database := quill.NewBulkhead("database", quill.BulkheadSettings{MaxConcurrent: 8})
	orders := quill.New("bulkhead-orders", fetchTitle, quill.WithBulkhead(database))
	invoices := quill.New("bulkhead-invoices", fetchTitle, quill.WithBulkhead(database))

	fmt.Println(orders.Circuit().Bulkhead() == invoices.Circuit().Bulkhead())
	fmt.Println(orders.Circuit().Stats().Bulkhead)
	// Output:
	// true
	// database
}

// Names and numbers out of a file are told of in an error.
func ExampleOpenBulkhead() {
	_, err := quill.OpenBulkhead("database", quill.BulkheadSettings{MaxConcurrent: -8})
	fmt.Println(err)

	database, err := quill.OpenBulkhead("database", quill.BulkheadSettings{MaxConcurrent: 8})
	fmt.Println(database.Stats().MaxConcurrent, err)
	// Output:
	// quill: settings of "database": MaxConcurrent is -8: must be 1 to 1000000, or unlimited
	// 8 <nil>
}

func ExampleBulkheadSettings_Validate() {
	fmt.Println(quill.BulkheadSettings{MaxConcurrent: quill.Unlimited, QueueSize: 5}.Validate())
	// Output: quill: settings: QueueSize is 5: must be 0 where MaxConcurrent is unlimited (no call ever waits)
}

func ExampleWithBulkhead() {
	ctx := context.Background()
	one := quill.NewBulkhead("one place", quill.BulkheadSettings{MaxConcurrent: 1})
	orders := quill.NewCircuit("with-bulkhead-orders", quill.WithBulkhead(one))
	invoices := quill.NewCircuit("with-bulkhead-invoices", quill.WithBulkhead(one))

	call, _ := orders.Begin(ctx) // takes the only slot
	_, err := invoices.Begin(ctx)
	fmt.Println(err)

	_, _ = call.End(nil)
	call, err = invoices.Begin(ctx)
	fmt.Println(err)
	_, _ = call.End(nil)
	// Output:
	// quill: with-bulkhead-invoices: bulkhead full
	// <nil>
}

func ExampleBulkhead_Resize() {
	b := quill.NewBulkhead("resize", quill.BulkheadSettings{MaxConcurrent: 8})

	fmt.Println(b.Resize(20, 5))
	fmt.Println(b.Stats().MaxConcurrent, b.Stats().QueueSize)
	fmt.Println(b.Resize(0, 0))
	// Output:
	// <nil>
	// 20 5
	// quill: settings of "resize": MaxConcurrent is 0: must be 1 to 1000000, or unlimited
}

func ExampleBulkhead_Stats() {
	b := quill.NewBulkhead("stats", quill.BulkheadSettings{MaxConcurrent: 8})
	circuit := quill.NewCircuit("bulkhead-stats", quill.WithBulkhead(b))

	call, _ := circuit.Begin(context.Background())
	fmt.Println(b.Stats().InFlight, "of", b.Stats().MaxConcurrent)
	_, _ = call.End(nil)
	fmt.Println(b.Stats().InFlight)
	// Output:
	// 1 of 8
	// 0
}
