package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func upstream(t *testing.T) string {
	t.Helper()
	registry := quill.NewRegistry()
	quill.NewCircuit("movie-info", quill.WithRegistry(registry))
	server := httptest.NewServer(quillstream.NewStream(registry, quillstream.StreamSettings{}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL + "/hystrix.stream?a=b"
}

func TestTheSumOfTwoStreamsIsServedUntilTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	result := make(chan error, 1)
	go func() {
		args := []string{"-addr", "localhost:0", "-interval", "100ms", "-upstream", "one=" + upstream(t), "-upstream", upstream(t)}
		result <- run(ctx, args, w, io.Discard)
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	at := regexp.MustCompile(`^the sum of 2 streams: (http://\S+)/turbine.stream`).FindStringSubmatch(line)
	require.NotNil(t, at, line)

	res, err := http.Get(at[1] + "/turbine.stream")
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"reportingHosts":2}`) {
			break
		}
	}
	require.Contains(t, lines.Text(), `"name":"movie-info"`)

	state, err := http.Get(at[1] + "/turbine.status")
	require.NoError(t, err)
	defer func() { _ = state.Body.Close() }()
	var all []quillstream.UpstreamStatus
	require.NoError(t, json.NewDecoder(state.Body).Decode(&all))
	require.Equal(t, []any{"one", quillstream.Connected}, []any{all[0].Name, all[0].State})
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, all[1].Name)

	cancel()
	require.NoError(t, <-result)
	http.DefaultClient.CloseIdleConnections()
}

func TestAWrongCommandLineIsExplained(t *testing.T) {
	for args, want := range map[string]string{
		"":                               "quillstream: there are 0 Upstreams: must be 1 to 500",
		"-upstream localhost":            `quillstream: upstream 1: the URL is "localhost": must be http://HOST/PATH or https://HOST/PATH`,
		"http://a/":                      `quillturbine: unknown argument "http://a/": streams are given with -upstream`,
		"-upstream http://a -addr x":     "listen tcp: address x: missing port in address",
		"-upstream http://a -silence 1h": "quillstream: Silence is 1h0m0s: must be 100ms to 10m",
	} {
		require.EqualError(t, run(t.Context(), strings.Fields(args), io.Discard, io.Discard), want, args)
	}
	var help strings.Builder
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, io.Discard, &help), flag.ErrHelp)
	require.Contains(t, help.String(), "/turbine.status")
}
