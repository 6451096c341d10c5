package quillstream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// firstMessage reads a stream as far as its first message.
func firstMessage(url string) map[string]any {
	res, err := http.Get(url)
	if err != nil {
		panic(err)
	}
	defer func() { _ = res.Body.Close() }()
	var fields map[string]any
	for lines := bufio.NewScanner(res.Body); fields == nil && lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			_ = json.Unmarshal([]byte(data), &fields)
		}
	}
	return fields
}

// A stream is one more path of a mux. It is there before the first call.
func ExampleNewStream() {
	registry := quill.NewRegistry()
	quill.NewCircuit("movie-info", quill.WithRegistry(registry))

	mux := http.NewServeMux()
	mux.Handle("GET /hystrix.stream", quillstream.NewStream(registry, quillstream.StreamSettings{}))

	server := httptest.NewServer(mux)
	defer server.Close()
	m := firstMessage(server.URL + "/hystrix.stream")
	fmt.Println(m["type"], m["name"], "open:", m["isCircuitBreakerOpen"], "requests:", m["requestCount"])
	// Output: HystrixCommand movie-info open: false requests: 0
}

// Authorize says who may read; the text of its error is the answer.
func ExampleStreamSettings() {
	stream := quillstream.NewStream(quill.NewRegistry(), quillstream.StreamSettings{
		MaxClients: 5, // Hystrix's limit
		Authorize: func(r *http.Request) error {
			if r.Header.Get("Authorization") != "Bearer secret" {
				return errors.New("this stream needs a token")
			}
			return nil
		},
	})

	answer := httptest.NewRecorder()
	stream.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/hystrix.stream", nil))
	fmt.Print(answer.Code, " ", answer.Body)
	// Output: 403 quillstream: this stream needs a token
}

// Shutdown does not wait for the streams of its server: they end when it begins.
func ExampleStream() {
	stream := quillstream.NewStream(quill.NewRegistry(), quillstream.StreamSettings{})
	server := httptest.NewServer(stream)
	res, err := http.Get(server.URL)
	if err != nil {
		panic(err)
	}
	defer func() { _ = res.Body.Close() }()

	fmt.Println(res.Status, server.Config.Shutdown(context.Background()))
	// Output: 200 OK <nil>
}

// Close is for a stream whose server cannot tell it of its end.
func ExampleStream_Close() {
	stream := quillstream.NewStream(quill.NewRegistry(), quillstream.StreamSettings{})
	stream.Close()

	answer := httptest.NewRecorder()
	stream.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/hystrix.stream", nil))
	fmt.Print(answer.Code, " ", answer.Body)
	// Output: 503 quillstream: the stream is closed
}
