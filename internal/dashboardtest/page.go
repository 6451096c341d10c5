package dashboardtest

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/browser"
)

// update makes [Page.Picture] replace the pictures of the docs.
var update = flag.Bool("update", false, "replace the pictures in docs/images by new ones")

// patience is how long a test waits for what the page must show. A stream tells its news
// once a second.
const patience = 20 * time.Second

// Page is the dashboard in a browser.
type Page struct {
	ctx     context.Context //nolint:containedctx // how the browser's library names a page
	server  *httptest.Server
	origins map[string]string

	mu      sync.Mutex
	console []string
}

// Stream is one source that the dashboard shows.
type Stream struct {
	Title   string
	Handler http.Handler
}

// Open serves the streams, each on a server of its own, and opens the dashboard on them in
// a browser. It skips where there is no browser or no dashboard.
func Open(t testing.TB, streams ...Stream) *Page {
	t.Helper()
	parts := installed(t)
	p := &Page{ctx: browser.Open(t), origins: make(map[string]string)}
	type shown struct {
		Name   string `json:"name"`
		Stream string `json:"stream"`
	}
	var list []shown
	var origins []string
	for _, s := range streams {
		server := start(t, s.Handler)
		list = append(list, shown{Name: s.Title, Stream: server.URL})
		origins = append(origins, server.URL)
		p.origins[s.Title] = server.URL
	}
	query, err := json.Marshal(list)
	require.NoError(t, err)
	p.server = serve(t, parts.webapp, origins...)
	p.answer(t, parts.underscore)
	p.listen()
	address := p.server.URL + "/monitor/monitor.html?streams=" + url.PathEscape(string(query)) // which the page decodes
	require.NoError(t, chromedp.Do(p.ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(address)))
	return p
}

// Origin is the URL at which the stream of that title is served.
func (p *Page) Origin(title string) string { return p.origins[title] }

// Proxy asks the dashboard's server for the stream of an origin, and returns the status.
func (p *Page) Proxy(t testing.TB, origin string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		p.server.URL+"/proxy.stream?origin="+url.QueryEscape(origin), http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// Tiles is what the page says now.
func (p *Page) Tiles(t testing.TB) Tiles {
	t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](readTiles))
	require.NoError(t, err)
	var tiles Tiles
	require.NoError(t, json.Unmarshal([]byte(text), &tiles))
	return tiles
}

// Await waits until the tiles are as they should be, and returns them. If they never are,
// the test fails and tells what they said last, and what the page wrote to its console.
func (p *Page) Await(t testing.TB, what string, ready func(Tiles) bool) Tiles {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		tiles := p.Tiles(t)
		if ready(tiles) {
			return tiles
		}
		if time.Now().After(deadline) {
			said, err := json.MarshalIndent(tiles, "", "  ")
			require.NoError(t, err)
			t.Fatalf("never on the page: %s\nit says: %s\nits console: %q", what, said, p.Console())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// Console is what the page wrote to its console: the dashboard names there each message
// that it skips because a key is missing.
func (p *Page) Console() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.console...)
}

// Picture takes a picture of the whole page, of at least some content. With -update it
// becomes docs/images/NAME.
func (p *Page) Picture(t testing.TB, name string) {
	t.Helper()
	shot, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	image, err := png.Decode(bytes.NewReader(shot))
	require.NoError(t, err)
	colors := make(map[[3]uint32]bool)
	bounds := image.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y += 2 {
		for x := bounds.Min.X; x < bounds.Max.X; x += 2 {
			r, g, b, _ := image.At(x, y).RGBA()
			colors[[3]uint32{r, g, b}] = true
		}
	}
	require.Greater(t, len(colors), 50, "the picture is almost empty")
	path := filepath.Join(home(t), "..", "..", "docs", "images", name)
	if *update {
		require.NoError(t, os.WriteFile(path, shot, 0o644)) //nolint:gosec // a picture for everybody to read
	}
	require.FileExists(t, path)
}

// answer gives the page the script that it wants from a host on the Internet.
func (p *Page) answer(t testing.TB, underscore []byte) {
	t.Helper()
	paused := chromedp.Events(p.ctx, fetch.RequestPaused)
	_, err := chromedp.Call(p.ctx, fetch.Enable, fetch.EnableParams{
		Patterns: []*fetch.RequestPattern{{URLPattern: underscorePath}},
	})
	require.NoError(t, err)
	go func() {
		for event, err := range paused {
			if err != nil {
				return // the page has gone
			}
			_, _ = chromedp.Call(p.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
				RequestID:       event.RequestID,
				ResponseCode:    http.StatusOK,
				ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "text/javascript"}},
				Body:            underscore,
			})
		}
	}()
}

// listen keeps what the page writes to its console.
func (p *Page) listen() {
	messages := chromedp.Console(p.ctx)
	go func() {
		for message, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.console = append(p.console, message.Text)
			p.mu.Unlock()
		}
	}()
}
