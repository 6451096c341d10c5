package quillhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillhttp"
)

// get is what a program does with any client: nothing of it knows of quill.
func get(client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // there is nothing to be done about it
	text, err := io.ReadAll(resp.Body)
	return resp.Status + " " + string(text), err
}

func Example() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "overloaded", http.StatusServiceUnavailable)
	}))
	defer srv.Close()

	client := &http.Client{Transport: quillhttp.PerHost(quillhttp.Hosts{
		Settings: quill.Settings{Timeout: 5 * time.Second, RequestVolumeThreshold: 2},
		Registry: quill.NewRegistry(),
	}, nil)}
	defer client.CloseIdleConnections()

	for range 3 {
		answer, err := get(client, srv.URL)
		fmt.Printf("%q, refused: %v\n", answer, errors.Is(err, quill.ErrOpen))
	}
	// Output:
	// "503 Service Unavailable overloaded\n", refused: false
	// "503 Service Unavailable overloaded\n", refused: false
	// "", refused: true
}

// Nothing but the transport changes. Circuits that are in [quill.DefaultRegistry] are seen by
// a dashboard or a collector without more ado.
func ExampleHosts() {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()

	client := &http.Client{Transport: quillhttp.PerHost(quillhttp.Hosts{
		Settings: quill.Settings{Timeout: 5 * time.Second, MaxConcurrent: 50},
	}, nil)}

	_, _ = get(client, srv.URL)
	circuit, _ := quill.DefaultRegistry.Lookup(srv.URL)
	fmt.Println(circuit.Stats().Settings.Timeout, circuit.Stats().Total.Ignored)
	// Output: 5s 1
}

// One circuit for a dependency with a name, whatever hosts it has.
func ExampleNew() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/movies/550" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "Fight Club")
	}))
	defer srv.Close()

	circuit := quill.NewCircuit("quillhttp-example", quill.Settings{Isolation: quill.Semaphore, Timeout: 5 * time.Second})
	client := &http.Client{Transport: quillhttp.New(circuit, srv.Client().Transport)}

	fmt.Println(get(client, srv.URL+"/movies/550"))
	_, _ = get(client, srv.URL+"/movies/0")

	total := circuit.Stats().Total
	fmt.Println("succeeded:", total.Success, "ignored:", total.Ignored)
	// Output:
	// 200 OK Fight Club <nil>
	// succeeded: 1 ignored: 1
}

// A circuit made beforehand gives one host settings of its own.
func ExamplePerHost() {
	registry := quill.NewRegistry()
	_, err := registry.Circuit("https://slow.example.com",
		quill.Settings{Isolation: quill.Semaphore, Timeout: 30 * time.Second})
	if err != nil {
		fmt.Println(err)
	}
	client := &http.Client{Transport: quillhttp.PerHost(quillhttp.Hosts{
		Registry: registry,
		Settings: quill.Settings{Timeout: 800 * time.Millisecond},
		MaxHosts: 200,
	}, http.DefaultTransport)}
	_ = client

	slow, _ := registry.Lookup("https://slow.example.com")
	fmt.Println(slow.Settings().Timeout)
	// Output: 30s
}

// An expired key of this program's is answered with 401: that is not the fault of whoever asks.
func ExampleTransport_FailureOn() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the key has expired", http.StatusUnauthorized)
	}))
	defer srv.Close()

	circuit := quill.NewCircuit("quillhttp-key", quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 2})
	client := &http.Client{
		Transport: quillhttp.New(circuit, srv.Client().Transport).FailureOn(http.StatusUnauthorized, http.StatusForbidden),
	}

	for range 3 {
		answer, err := get(client, srv.URL)
		fmt.Printf("%q, refused: %v\n", answer, errors.Is(err, quill.ErrOpen))
	}
	// Output:
	// "401 Unauthorized the key has expired\n", refused: false
	// "401 Unauthorized the key has expired\n", refused: false
	// "", refused: true
}

func ExampleOrigin() {
	for _, url := range []string{"https://API.example.com:443/v1?q=1", "http://localhost:8082/movies/550"} {
		req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
		fmt.Println(quillhttp.Origin(req))
	}
	// Output:
	// https://api.example.com
	// http://localhost:8082
}

func ExampleHosts_Validate() {
	fmt.Println(quillhttp.Hosts{MaxHosts: -1}.Validate())
	// Output: quillhttp: MaxHosts is -1: must be 1 to 1,000,000
}

func ExampleStatusError() {
	circuit := quill.NewCircuit("quillhttp-status", quill.WithRegistry(quill.NewRegistry()),
		quill.WithHooks(quill.Hooks{OnCall: func(_ context.Context, e quill.CallEvent) {
			if status, ok := errors.AsType[*quillhttp.StatusError](e.Err); ok {
				fmt.Println(e.Outcome, status.Code, status.RetryAfter)
			}
		}}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer srv.Close()
	client := &http.Client{Transport: quillhttp.New(circuit, srv.Client().Transport)}
	_, _ = get(client, srv.URL)
	// Output: failure 429 30s
}
