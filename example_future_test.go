package quill_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleCommand_Go() {
	ctx := context.Background()
	getTitle := quill.New("titles-go", fetchTitle)

	first, second := getTitle.Go(ctx, "550"), getTitle.Go(ctx, "603") // side by side

	fmt.Println(first.Wait(ctx))
	fmt.Println(second.Wait(ctx))
	// Output:
	// Movie 550 <nil>
	// Movie 603 <nil>
}

func ExampleGo() {
	ctx := context.Background()
	circuit := quill.NewCircuit("titles-ad-hoc-go")

	f := quill.Go(ctx, circuit, func(context.Context) (int, error) { return 42, nil })
	fmt.Println(f.Wait(ctx))
	// Output: 42 <nil>
}

func ExampleFuture_Wait() {
	ctx := context.Background()
	answer := make(chan string)
	wait := func(context.Context, string) (string, error) { return <-answer, nil }
	f := quill.New("titles-wait", wait, quill.Settings{Timeout: time.Minute}).Go(ctx, "550")

	// Whoever has no patience leaves. The call goes on, and Wait may be called again.
	hurried, cancel := context.WithCancel(ctx)
	cancel()
	_, err := f.Wait(hurried)
	fmt.Println(err)

	answer <- "Fight Club"
	fmt.Println(f.Wait(ctx))
	// Output:
	// context canceled
	// Fight Club <nil>
}

func ExampleFuture_Answer() {
	ctx := context.Background()
	f := quill.New("titles-future", fetchDown).OrElse("(no title)").Go(ctx, "550")

	a, err := f.Answer(ctx)
	fmt.Println(a.Value, a.Step, err)
	// Output: (no title) default <nil>
}

func ExampleFuture_Done() {
	ctx := context.Background()
	f := quill.New("titles-done", fetchTitle).Go(ctx, "550")

	select {
	case <-f.Done():
		fmt.Println(f.Wait(ctx))
	case <-time.After(time.Minute):
		fmt.Println("something else to do")
	}
	// Output: Movie 550 <nil>
}
