package quillhttp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillhttp"
)

// ofHosts are the settings of every host's circuit, but for what the file says of it.
var ofHosts = quill.Settings{Isolation: quill.Semaphore, Timeout: 800 * time.Millisecond, MaxConcurrent: 50}

// load puts a settings file in force, at the start and again whenever it has changed. Hosts that
// it names get their circuits first.
func load(file []byte, registry *quill.Registry) error {
	var named map[string]json.RawMessage
	if err := json.Unmarshal(file, &named); err != nil {
		return err
	}
	for name := range named {
		if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
			if _, err := registry.Circuit(name, ofHosts); err != nil {
				return err
			}
		}
	}
	return registry.Overlay(file)
}

// A settings file that names hosts, which have no circuit before their first request.
func ExamplePerHost_settingsFile() {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()

	registry := quill.NewRegistry()
	client := &http.Client{Transport: quillhttp.PerHost(quillhttp.Hosts{Registry: registry, Settings: ofHosts}, nil)}

	fmt.Println(load([]byte(`{"https://slow.example.com": {"timeout": "30s"}}`), registry))
	_, _ = get(client, srv.URL) // a host that the file does not name

	slow, _ := registry.Lookup("https://slow.example.com")
	other, _ := registry.Lookup(srv.URL)
	fmt.Println(slow.Settings().Timeout, slow.Settings().MaxConcurrent, other.Settings().Timeout)

	// Later: one has left the file, the other has come.
	fmt.Println(load([]byte(`{"`+srv.URL+`": {"timeout": "5s"}}`), registry))
	fmt.Println(slow.Settings().Timeout, other.Settings().Timeout, other.Settings().MaxConcurrent)
	// Output:
	// <nil>
	// 30s 50 800ms
	// <nil>
	// 800ms 5s 50
}
