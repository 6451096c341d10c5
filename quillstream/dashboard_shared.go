package quillstream

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// document is a JSON text that all viewers share: it is made when somebody asks for it and
// the last one is older than keep, by one of those who ask; the others wait for it.
type document struct {
	keep  time.Duration
	build func() any

	mu            sync.Mutex
	at            time.Time
	plain, zipped []byte
}

func (d *document) serve(w http.ResponseWriter, r *http.Request) {
	plain, zipped, err := d.latest()
	if err != nil {
		decline(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	send(w, r, "application/json", plain, zipped)
}

func (d *document) latest() (plain, zipped []byte, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.plain != nil && time.Since(d.at) < d.keep {
		return d.plain, d.zipped, nil
	}
	d.plain, err = json.Marshal(d.build())
	if err != nil {
		return nil, nil, err
	}
	d.zipped = zip(d.plain, gzip.BestSpeed)
	d.at = time.Now()
	return d.plain, d.zipped, nil
}

// forget has the document made anew for the next who asks.
func (d *document) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plain = nil
}
