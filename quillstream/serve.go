package quillstream

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ServeHTTP serves one client.
func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a := f.settings.Authorize; a != nil {
		if err := a(r); err != nil {
			refuse(w, http.StatusForbidden, err.Error())
			return
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "a stream can only be read")
		return
	}
	delay, err := f.delay(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	ending := f.servers.ending(r)
	first, refusal := f.join()
	if refusal != "" {
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, refusal)
		return
	}
	defer f.leave()
	out := &client{w: w, control: http.NewResponseController(w), timeout: f.settings.WriteTimeout}
	if err := out.prepare(); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	out.head(r)
	if r.Method == http.MethodHead {
		return
	}
	f.send(out, r, first, delay, ending)
}

// send writes each frame that is due until somebody ends it.
func (f *feed) send(out *client, r *http.Request, next *frame, delay time.Duration, ending <-chan struct{}) {
	if out.flush() != nil { // the headers, before the first frame is there
		return
	}
	// Ticks do not come to the microsecond: half an interval early is in time.
	delay -= f.settings.Interval / 2
	var sent time.Time
	for {
		if next.body != nil && time.Since(sent) >= delay {
			sent = time.Now()
			if out.write(next.body) != nil {
				return // it has gone, or is too slow
			}
		}
		select {
		case <-next.newer:
			next = f.latest()
		case <-r.Context().Done():
			return
		case <-ending:
			return
		case <-f.closed:
			return
		}
	}
}

// delay is what the client wants to be between two snapshots, within bounds.
func (f *feed) delay(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("delay")
	if text == "" {
		return f.settings.Interval, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(text, "-") {
		return MaxInterval, nil
	}
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("the query parameter delay must be a number of milliseconds")
	}
	ms = max(f.settings.Interval.Milliseconds(), min(ms, MaxInterval.Milliseconds()))
	return time.Duration(ms) * time.Millisecond, nil
}

// refuse answers with a sentence.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "quillstream: "+why, status)
}

// client is the writing end of one stream.
type client struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// prepare finds out whether slow clients can be cut off here. The deadline is for the
// headers, too.
func (c *client) prepare() error {
	if err := c.control.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return errors.New("the ResponseWriter has no write deadline, so that a slow client could not be cut off" +
			" (a middleware's ResponseWriter needs the method Unwrap)")
	}
	return nil
}

// head sets the header, which is Hystrix's, and that no proxy should hold messages back.
func (c *client) head(r *http.Request) {
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream;charset=UTF-8")
	h.Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.ProtoMajor == 1 {
		// The write deadline would go over to the connection's next request.
		h.Set("Connection", "close")
	}
}

func (c *client) flush() error { return c.control.Flush() }

// write sends a frame, in no more time than a client has for it.
func (c *client) write(body []byte) error {
	if err := c.control.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	if _, err := c.w.Write(body); err != nil {
		return err
	}
	return c.control.Flush()
}
