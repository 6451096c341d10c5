package quillstream

import (
	"strconv"
	"testing"

	"github.com/seed-f7c3343e/quill"
)

// BenchmarkLookAtAThousandCommands is what the dashboard costs every 5 s, and
// BenchmarkSnapshotOfAThousandCommands what it costs every second while somebody looks.
func BenchmarkLookAtAThousandCommands(b *testing.B) {
	board := busyBoard(b)
	for b.Loop() {
		board.history.look()
	}
}

func BenchmarkSnapshotOfAThousandCommands(b *testing.B) {
	board := busyBoard(b)
	for b.Loop() {
		board.now.forget()
		if _, _, err := board.now.latest(); err != nil {
			b.Fatal(err)
		}
	}
}

func busyBoard(b *testing.B) *Board {
	b.Helper()
	reg := quill.NewRegistry()
	for i := range mostCommands {
		circuit(reg, "command-"+strconv.Itoa(i), 20, 2, semaphore)
	}
	board := Dashboard(reg)
	b.Cleanup(board.Close)
	return board
}
