// Command apilist writes the exported surface of each public package of this module to
// api/, one file a package, so that a change of the surface shows in a diff. The test
// beside it fails when a file is stale. Run it as `make api`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	module := flag.String("C", ".", "directory of the module")
	flag.Parse()
	if err := write(context.Background(), *module); err != nil {
		fmt.Fprintln(os.Stderr, "apilist:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, module string) error {
	files, err := render(ctx, module)
	if err != nil {
		return err
	}
	return store(module, files)
}
