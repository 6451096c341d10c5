package regressions_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// Fifty clients come before there is a command, all see it when it is there, one of them
// never reads, and a name is a name. (TestK01, K02 and K03 have slow clients, the limit and the
// server's end.)
func TestB52DashboardStream(t *testing.T) {
	registry := quill.NewRegistry()
	stream := quillstream.NewStream(registry, quillstream.StreamSettings{Interval: quillstream.MinInterval})
	server := httptest.NewServer(stream)
	defer server.Close()
	defer stream.Close()

	client := server.Client()
	client.Timeout = 20 * time.Second
	var readers []*bufio.Scanner
	for range 50 {
		res, err := client.Get(server.URL)
		require.NoError(t, err, "the header comes at once")
		defer func() { _ = res.Body.Close() }()
		require.Equal(t, http.StatusOK, res.StatusCode)
		readers = append(readers, bufio.NewScanner(res.Body))
	}
	quill.NewCircuit("<script>alert(1)</script>", quill.WithRegistry(registry))
	for _, lines := range readers[1:] {
		for {
			require.True(t, lines.Scan(), lines.Err())
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				require.Contains(t, data, `"name":"\u003cscript\u003ealert(1)\u003c/script\u003e"`)
				break
			}
		}
	}
}
