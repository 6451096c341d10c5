package quill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/seed-f7c3343e/quill"
)

// load puts the settings file in force, over the settings in the source. A file with a mistake
// changes nothing.
func load(file string, registry *quill.Registry) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return registry.Overlay(text)
}

// reload loads the settings file again at each signal, until the channel is closed.
func reload(signals <-chan os.Signal, file string, registry *quill.Registry) {
	for range signals {
		if err := load(file, registry); err != nil {
			fmt.Println("settings are as before:", err)
		}
	}
}

func ExampleRegistry_Overlay_reload() {
	registry := quill.NewRegistry()
	orders := quill.NewCircuit("orders", quill.Settings{MaxConcurrent: 50}, quill.WithRegistry(registry))

	dir, err := os.MkdirTemp("", "quill")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "circuits.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			fmt.Println(err)
		}
	}

	// At the start, when the circuits are made.
	write(`{"orders": {"timeout": "300ms"}}`)
	fmt.Println(load(file, registry))
	fmt.Println(orders.Settings().Timeout, orders.Settings().MaxConcurrent)

	// In a program: signal.Notify(signals, syscall.SIGHUP) and go reload(signals, file, registry).
	for _, text := range []string{
		`{"orders": {"timeout": "200ms"}}`,
		`{"orders": {"timeout": "100ms"}, "order": {"timeout": "2s"}}`, // there is no circuit "order"
		`{"orders": {"timeout": 100}}`,
		`{}`,
	} {
		write(text)
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGHUP
		close(signals)
		reload(signals, file, registry)
		fmt.Println(orders.Settings().Timeout, orders.Stats().ConfigRejected)
	}
	// Output:
	// <nil>
	// 300ms 50
	// 200ms 0
	// settings are as before: quill: circuit "order" does not exist
	// 200ms 1
	// settings are as before: quill: settings of "orders": timeout is 100: must be a string with a unit, such as "300ms": 1ms to 1h, or "none"
	// 200ms 2
	// 0s 2
}
