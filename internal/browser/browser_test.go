package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/browser"
)

// judged is a test that notes what it is told, and does not fail.
type judged struct {
	testing.TB

	errors int
	end    func()
}

func (j *judged) Errorf(string, ...any) { j.errors++ }
func (j *judged) Cleanup(f func())      { j.end = f }

func TestAPageThatComplainsFailsItsTest(t *testing.T) {
	for script, complaints := range map[string]int{
		`document.title = "well"`:                                               0,
		`document.title = "it throws"; throw new Error("boom")`:                 1,
		`document.title = "it warns"; console.warn("soon")`:                     1,
		`document.title = "it is excused"; console.error("an excuse: a fault")`: 0,
		`fetch("/nothing").then(() => { document.title = "it asked" })`:         1,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!doctype html><link rel="icon" href="data:,"><p>text</p><script>` + script + `</script>`))
		}))
		page := browser.Open(t)
		j := &judged{TB: t}
		browser.NoComplaints(j, page, "an excuse")
		require.NoError(t, chromedp.Do(page, chromedp.Navigate(server.URL)))
		browser.Becomes(t, page, browser.Says("p", "text")+` && document.title !== ""`)
		j.end()
		require.Equal(t, complaints, j.errors, script)
		server.Close()
	}
}
