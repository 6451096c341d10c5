// Command compatgen writes the packages of compat/hystrix-go, the module that programs put
// in the place of github.com/afex/hystrix-go by a replace line in their go.mod.
//
// That module may require nothing, or every client of it had to run go mod tidy, and its go
// line may not be above that of its client. So it carries
// a copy of what it stands on, with import paths of its own: package hystrix and its
// neighbors, and the library below internal/. The test beside this command fails when the
// copy is stale. Run it as `make compat`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("C", ".", "directory of the root module")
	check := flag.Bool("check", false, "change nothing: list what is stale, and fail if anything is")
	flag.Parse()
	if err := run(context.Background(), *root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "compatgen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, check bool) error {
	want, err := render(ctx, root)
	if err != nil {
		return err
	}
	target := filepath.Join(root, filepath.FromSlash(targetDir))
	stale, err := compare(target, want)
	if err != nil {
		return err
	}
	if check {
		if len(stale) == 0 {
			return nil
		}
		for _, name := range stale {
			fmt.Println(filepath.ToSlash(filepath.Join(targetDir, name)))
		}
		return fmt.Errorf("%d files are stale: run `make compat`", len(stale))
	}
	return store(target, want, stale)
}
