package quillstream

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// answers is a server that answers every request with the same bytes.
type answers string

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}},
		Body: io.NopCloser(strings.NewReader(string(a))),
	}, nil
}

// FuzzUpstream holds that an upstream may send what it likes: reading it ends, with an
// error, and the sum is a stream of valid messages.
func FuzzUpstream(f *testing.F) {
	const good = `{"type":"HystrixCommand","name":"n","requestCount":1}`
	for _, seed := range []string{
		"data: " + good + "\n\n", "data:" + good + "\r\n\r\nping: \r\n\r\n", ":ping\n\n", "data: " + good, "\xef\xbb\xbfdata: {}\n\n",
		"data: {\"type\":\ndata: \"HystrixCommand\",\ndata: \"name\":\"n\"}\n\n", "id: 1\nretry: 9\nevent: x\ndata: " + good + "\n\n",
		"data: " + strings.Repeat("x", 2<<10) + "\n\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		s := AggregatorSettings{Upstreams: []Upstream{{URL: "http://a/"}}, MaxMessage: 1 << 10}.withDefaults()
		u := newUpstream(s.Upstreams[0], s, &http.Client{Transport: answers(stream)})
		require.Error(t, u.read(t.Context()))
		a := &Aggregator{upstreams: []*upstream{u}}
		n := 0
		for line := range bytes.Lines(a.render()) {
			data, ok := bytes.CutPrefix(line, []byte("data: "))
			if !ok {
				require.Contains(t, []string{"\n", "ping: \n"}, string(line))
				continue
			}
			n++
			require.True(t, json.Valid(data), "%s", data)
		}
		require.Equal(t, u.Status().Subjects, n)
		require.LessOrEqual(t, uint64(n), u.Status().Messages)
	})
}
