package quillstream

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// The page as `make ui` builds it from ui/src. It is committed, so that nobody needs npm
// to use it.
//
//go:embed ui/dist
var bundle embed.FS

// contentPolicy lets the page load what it brings along and nothing else, and lets no page
// frame it.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// asset is a file of the page. Viewers ask each time whether it has changed.
type asset struct {
	kind, tag     string
	plain, zipped []byte
}

// assets returns the handlers of the page's files by their paths.
var assets = sync.OnceValue(func() map[string]http.Handler {
	const root = "ui/dist"
	all := map[string]http.Handler{}
	err := fs.WalkDir(bundle, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := bundle.ReadFile(name)
		sum := sha256.Sum256(text)
		a := &asset{
			kind: mime.TypeByExtension(path.Ext(name)), tag: `"` + hex.EncodeToString(sum[:8]) + `"`,
			plain: text, zipped: zip(text, gzip.BestCompression),
		}
		all[strings.TrimPrefix(name, root)] = a
		return err
	})
	if err != nil {
		panic(err) // the page is part of the program
	}
	all["/{$}"] = all["/index.html"]
	return all
})

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, r, a.kind, a.plain, a.zipped)
}

// patience is how long a viewer may take to read an answer, so that one who does not read
// keeps no place of another.
const patience = 15 * time.Second

// send writes the form of a body that the viewer takes.
func send(w http.ResponseWriter, r *http.Request, kind string, plain, zipped []byte) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience)) // where the server can
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Add("Vary", "Accept-Encoding")
	body := plain
	if zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = zipped
	}
	_, _ = w.Write(body) // whom a failure concerns has left
}

// zip compresses what is worth it.
func zip(text []byte, level int) []byte {
	const worth = 1 << 10
	if len(text) < worth {
		return nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return nil
	}
	if _, err = z.Write(text); err != nil || z.Close() != nil {
		return nil
	}
	return b.Bytes()
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, r *http.Request, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		decline(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	send(w, r, "application/json", text, zip(text, gzip.BestSpeed))
}

// denial is what is answered instead of what was asked for.
type denial struct {
	Error    string    `json:"error"`
	Problems []problem `json:"problems,omitempty"`
}

func decline(w http.ResponseWriter, status int, err error, problems ...problem) {
	text, _ := json.Marshal(denial{err.Error(), problems}) //nolint:errchkjson // strings only
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
