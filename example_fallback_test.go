package quill_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/lastgood"
)

func ExampleCommand_Fallback() {
	getTitle := quill.New("titles-fallback", fetchDown).
		Fallback("catalog", func(_ context.Context, id string, cause error) (string, error) {
			if id == "550" {
				return "Fight Club (asked because of: " + cause.Error() + ")", nil
			}
			return "", errors.New("not in the catalog")
		})

	ctx := context.Background()
	fmt.Println(getTitle.Do(ctx, "550"))

	// When every step fails, the error holds the cause and each step's own error.
	_, err := getTitle.Do(ctx, "680")
	fmt.Println(err)
	fmt.Println(errors.Is(err, errDown))
	// Output:
	// Fight Club (asked because of: connection refused) <nil>
	// quill: titles-fallback: connection refused; fallback catalog: not in the catalog
	// true
}

func ExampleCommand_FallbackTo() {
	// The replica is a command of its own: with its own breaker, bulkhead and timeout.
	replica := quill.New("titles-replica", fetchTitle)
	getTitle := quill.New("titles-primary", fetchDown).FallbackTo(replica)

	a, err := getTitle.Answer(context.Background(), "550")
	fmt.Println(a.Value, err)
	fmt.Println("answered by", a.Step)
	// Output:
	// Movie 550 <nil>
	// answered by titles-replica
}

func ExampleCommand_FallbackLast() {
	down := false
	fetch := func(_ context.Context, id string) (string, error) {
		if down {
			return "", errDown
		}
		return "Movie " + id, nil
	}
	last := lastgood.New[string, string](lastgood.Settings{})
	getTitle := quill.New("titles-last", fetch).FallbackLast(last)

	ctx := context.Background()
	_, _ = getTitle.Do(ctx, "550") // a primary success: kept
	down = true

	a, err := getTitle.Answer(ctx, "550")
	fmt.Println(a.Value, err)
	fmt.Println("step:", a.Step, "stale:", a.Stale)

	_, err = getTitle.Do(ctx, "680") // never seen
	fmt.Println(errors.Is(err, quill.ErrNoAnswer))
	// Output:
	// Movie 550 <nil>
	// step: last stale: true
	// true
}

func ExampleCommand_OrElse() {
	getTitle := quill.New("titles-or-else", fetchDown).OrElse("(no title)")

	fmt.Println(getTitle.Do(context.Background(), "550"))
	// Output: (no title) <nil>
}

func ExampleCommand_OrElse_immutable() {
	// Each of these returns a new command. The receiver stays as it was, and both share
	// the circuit.
	strict := quill.New("titles-immutable", fetchDown)
	lenient := strict.OrElse("(no title)")

	ctx := context.Background()
	_, err := strict.Do(ctx, "550")
	fmt.Println(err)
	fmt.Println(lenient.Do(ctx, "550"))
	fmt.Println(strict.Circuit() == lenient.Circuit())
	// Output:
	// connection refused
	// (no title) <nil>
	// true
}

// pages is a [quill.Store] of one's own. Here it is a map, good for one goroutine; in
// earnest it would be the cache that a fleet shares.
type pages map[string]quill.Stored[string]

func (p pages) Save(_ context.Context, id, page string) error {
	p[id] = quill.Stored[string]{Value: page}
	return nil
}

func (p pages) Last(_ context.Context, id string) (quill.Stored[string], error) {
	page, ok := p[id]
	if !ok {
		return page, quill.ErrNoAnswer
	}
	return page, nil
}

func ExampleStore() {
	last := pages{"550": {Value: "Fight Club"}}
	getTitle := quill.New("titles-store", fetchDown).FallbackLast(last)

	fmt.Println(getTitle.Do(context.Background(), "550"))
	// Output: Fight Club <nil>
}
