// Hello is the first program of the README: one command with a default.
//
//	go run ./examples/hello
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-f7c3343e/quill"
)

var getMovie = quill.New("movie-info", fetchMovie).OrElse("(name unavailable)")

// fetchMovie stands for your call to another service, which is down.
func fetchMovie(context.Context, string) (string, error) {
	return "", errors.New("connection refused")
}

func main() {
	name, err := getMovie.Do(context.Background(), "550")
	fmt.Println(name, err) // (name unavailable) <nil>
}
