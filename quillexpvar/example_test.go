package quillexpvar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillexpvar"
)

func ExampleNew() {
	circuits := quill.NewRegistry()
	getTitle := quill.New("movie-info", func(context.Context, string) (string, error) {
		return "", errors.New("connection refused")
	}, quill.WithRegistry(circuits)).OrElse("(no title)")
	_, _ = getTitle.Do(context.Background(), "550")

	v := quillexpvar.New(circuits) // or quillexpvar.Publish("circuits", circuits)

	var all map[string]quillexpvar.Circuit
	_ = json.Unmarshal([]byte(v.String()), &all)
	c := all["movie-info"]
	fmt.Println(c.State, c.Total.Failure, c.Fallbacks[0].Step, c.Fallbacks[0].Answered)
	// Output: closed 1 default 1
}

func ExamplePublish() {
	circuits := quill.NewRegistry()
	quillexpvar.Publish("circuits-of-the-example", circuits)
	fmt.Println(variable("circuits-of-the-example"))
	// Output: {}
}
