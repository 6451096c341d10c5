package quill_test

import (
	"fmt"

	"github.com/seed-f7c3343e/quill"
)

func ExampleOutcomes() {
	for _, o := range quill.Outcomes() {
		fmt.Println(o)
	}
	// Output:
	// success
	// failure
	// timeout
	// rejected
	// short-circuited
	// ignored
	// canceled
}
