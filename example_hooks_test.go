package quill_test

import (
	"context"
	"fmt"

	"github.com/seed-f7c3343e/quill"
)

func ExampleWithHooks() {
	transitions := make(chan quill.Transition, 1)
	getTitle := quill.New("hooks", fetchDown,
		quill.Settings{RequestVolumeThreshold: 2},
		quill.WithHooks(quill.Hooks{
			// On the caller's goroutine, once for each call.
			OnCall: func(_ context.Context, e quill.CallEvent) {
				fmt.Printf("%s: %v, answered by %q\n", e.Command, e.Outcome, e.Step)
			},
			// On a goroutine of its own, in order: a slow one delays no call.
			OnTransition: func(t quill.Transition) { transitions <- t },
		})).OrElse("(no title)")

	for range 2 {
		_, _ = getTitle.Do(context.Background(), "550")
	}
	t := <-transitions
	fmt.Println(t.From, "to", t.To)
	// Output:
	// hooks: failure, answered by "default"
	// hooks: failure, answered by "default"
	// closed to open
}
