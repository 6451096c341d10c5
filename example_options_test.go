package quill_test

import (
	"fmt"

	"github.com/seed-f7c3343e/quill"
)

func ExampleWithRegistry() {
	blue, green := quill.NewRegistry(), quill.NewRegistry()
	a := quill.NewCircuit("orders", quill.WithRegistry(blue))
	b := quill.NewCircuit("orders", quill.WithRegistry(green))

	fmt.Println(a == b) // a name is one circuit within its registry
	// Output: false
}
