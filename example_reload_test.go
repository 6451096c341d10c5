package quill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/seed-f7c3343e/quill"
)

// reload reads the settings file again at each signal, until the channel is closed. A file
// with a mistake changes nothing.
func reload(signals <-chan os.Signal, file string, registry *quill.Registry) {
	for range signals {
		text, err := os.ReadFile(file)
		if err != nil {
			fmt.Println("settings are as before:", err)
			continue
		}
		settings, err := quill.ParseSettingsMap(text)
		if err == nil {
			err = registry.Configure(settings)
		}
		if err != nil {
			fmt.Println("settings are as before:", err)
		}
	}
}

func ExampleRegistry_Configure_reload() {
	registry := quill.NewRegistry()
	orders := quill.NewCircuit("orders", quill.WithRegistry(registry))

	dir, err := os.MkdirTemp("", "quill")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "circuits.json")

	// In a program: signal.Notify(signals, syscall.SIGHUP) and go reload(signals, file, registry).
	for _, text := range []string{
		`{"orders": {"timeout": "300ms"}}`,
		`{"orders": {"timeout": "200ms"}, "order": {"timeout": "2s"}}`, // there is no circuit "order"
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			fmt.Println(err)
		}
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGHUP
		close(signals)
		reload(signals, file, registry)
		fmt.Println(orders.Settings().Timeout)
	}
	// Output:
	// 300ms
	// settings are as before: quill: circuit "order" does not exist
	// 300ms
}
