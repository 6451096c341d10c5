package lastgood_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/lastgood"
)

func ExampleNew() {
	down := false
	fetch := func(_ context.Context, id string) (string, error) {
		if down {
			return "", errors.New("connection refused")
		}
		return "Movie " + id, nil
	}

	titles := lastgood.New[string, string](lastgood.Settings{MaxAge: 10 * time.Minute})
	getTitle := quill.New("lastgood-example", fetch, quill.Settings{Isolation: quill.Semaphore}).
		FallbackLast(titles).OrElse("unavailable")

	ctx := context.Background()
	fmt.Println(getTitle.Do(ctx, "550"))
	down = true
	fmt.Println(getTitle.Do(ctx, "550"))
	fmt.Println(getTitle.Do(ctx, "680"))

	a, _ := getTitle.Answer(ctx, "550")
	fmt.Println(a.Step, a.Stale, a.Cause)
	// Output:
	// Movie 550 <nil>
	// Movie 550 <nil>
	// unavailable <nil>
	// last true connection refused
}

type tenant struct{}

func ExampleNewKeyed() {
	type search struct{ Words []string } // not comparable
	store := lastgood.NewKeyed[search, int](lastgood.Settings{},
		func(ctx context.Context, s search) string {
			t, ok := ctx.Value(tenant{}).(string)
			if !ok {
				return "" // nobody's: not stored
			}
			return lastgood.Key(append([]string{t}, s.Words...)...)
		})

	acme := context.WithValue(context.Background(), tenant{}, "acme")
	other := context.WithValue(context.Background(), tenant{}, "other")
	_ = store.Save(acme, search{[]string{"fight", "club"}}, 17)

	hit, err := store.Last(acme, search{[]string{"fight", "club"}})
	fmt.Println(hit.Value, err)
	_, err = store.Last(other, search{[]string{"fight", "club"}})
	fmt.Println(err)
	// Output:
	// 17 <nil>
	// no stored answer
}

func ExampleKey() {
	fmt.Println(lastgood.Key("ab", "c"))
	fmt.Println(lastgood.Key("a", "bc"))
	// Output:
	// 2:ab1:c
	// 1:a2:bc
}

func ExampleStore_Forget() {
	store := lastgood.New[string, string](lastgood.Settings{})
	ctx := context.Background()
	_ = store.Save(ctx, "550", "Fight Club")
	fmt.Println(store.Forget(ctx, "550"), store.Forget(ctx, "550"), store.Len())
	// Output: true false 0
}

func ExampleStore_Stats() {
	store := lastgood.New[string, int](lastgood.Settings{MaxEntries: 100})
	ctx := context.Background()
	_ = store.Save(ctx, "a", 1)
	_, _ = store.Last(ctx, "a")
	_, _ = store.Last(ctx, "b")
	fmt.Printf("%+v\n", store.Stats())
	// Output: {Entries:1 Hits:1 Misses:1 Evicted:0 Expired:0}
}

func ExampleSettings_Validate() {
	fmt.Println(lastgood.Settings{MaxAge: -time.Second}.Validate())
	// Output: quill: settings: MaxAge is -1s: must be 1ms to 8760h
}
