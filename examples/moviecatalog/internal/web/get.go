package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
)

// Reply is another service's answer and how it came about there.
type Reply[T any] struct {
	Value   T
	Kind    api.Kind
	Missing string // not empty: the service says, in these words, that there is no such thing
}

// Unpack returns the reply as the caller's caller wants it: a missing thing is an error.
func (r Reply[T]) Unpack() (T, api.Kind, error) {
	if r.Missing != "" {
		return r.Value, r.Kind, Said(api.ErrNotFound, r.Missing)
	}
	return r.Value, r.Kind, nil
}

// maxBody is more than any of these services ever sends.
const maxBody = 1 << 20

// Get asks another of our services for a T. That there is no such thing (404) is an
// answer and no error: it shows a healthy service, and the second instance's "no" must
// count as much as the first's. A bad id (400) is the asker's own fault and comes back
// marked with [quill.Ignore]. All else is an error of the service: an error status,
// garbage (also such as is valid JSON, see
// [api.Answer]), half a body, no connection.
func Get[T api.Answer](ctx context.Context, client *http.Client, base, path, id string) (Reply[T], error) {
	var r Reply[T]
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path+url.PathEscape(id), nil)
	if err != nil {
		return r, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return r, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return r, fmt.Errorf("%s: half a body: %w", base, err)
	}
	if resp.StatusCode != http.StatusOK {
		r.Missing, err = refusal(resp, base, body)
		return r, err
	}
	if err := json.Unmarshal(body, &r.Value); err != nil {
		return r, fmt.Errorf("%s: garbage: %w", base, err)
	}
	if err := r.Value.Check(id); err != nil {
		return Reply[T]{}, fmt.Errorf("%s: garbage: %w", base, err)
	}
	r.Kind = api.ParseKind(resp.Header.Get(api.KindHeader))
	return r, nil
}

// refusal makes of an error status what a guard is to make of it.
func refusal(resp *http.Response, base string, body []byte) (missing string, err error) {
	var told ErrorBody
	if json.Unmarshal(body, &told) != nil || told.Error == "" {
		told.Error = http.StatusText(resp.StatusCode)
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return told.Error, nil
	case http.StatusBadRequest:
		return "", quill.Ignore(Said(api.ErrBadID, told.Error))
	}
	err = fmt.Errorf("%s: status %d: %s", base, resp.StatusCode, told.Error)
	return "", quill.RetryAfter(err, retryAfter(resp.Header))
}
