// Package tmdb asks The Movie Database for a movie (GET /3/movie/{id}), and has a
// stand-in that answers in its place, with the same JSON and the same errors. The client
// does not know which of the two it talks to, and knows nothing of quill.
package tmdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// RealURL is where The Movie Database serves its API.
const RealURL = "https://api.themoviedb.org"

// Movie is what the demo needs of The Movie Database's answer.
type Movie struct {
	ID       int    `json:"id"`
	Title    string `json:"title"`
	Overview string `json:"overview"`
}

// Status codes of The Movie Database, inside its error bodies.
const (
	CodeInvalidID  = 6
	CodeInvalidKey = 7
	CodeOverLimit  = 25
	CodeNotFound   = 34
)

// Error is an error that The Movie Database answered with.
type Error struct {
	HTTPStatus int
	Code       int
	Message    string
	RetryAfter time.Duration // from the Retry-After header; 0 = none
}

func (e *Error) Error() string {
	return fmt.Sprintf("The Movie Database: status %d, code %d: %s", e.HTTPStatus, e.Code, e.Message)
}

// Config says where The Movie Database is and who asks. With both a token and a key the
// token is used: it travels in a header, where a key is part of the URL.
type Config struct {
	BaseURL string // RealURL, or the stand-in's
	Token   string // the v4 read access token
	Key     string // the v3 API key
	HTTP    *http.Client
}

// Client asks The Movie Database. It is safe for concurrent use.
type Client struct{ Config }

// errRedirect is what a redirect is answered with: the API has none, and whoever is at
// its other end is not to get the key, be it in the query or as the Referer.
var errRedirect = errors.New("a redirect, which is not followed")

// hidden stands where a key or token was.
const hidden = "(hidden)"

// NewClient checks cfg's URL. A nil HTTP means http.DefaultClient. Redirects are not
// followed, whatever HTTP says.
func NewClient(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the URL of The Movie Database must look like %s, not %q", RealURL, cfg.BaseURL)
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	client := *cfg.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errRedirect }
	cfg.HTTP = &client
	return &Client{cfg}, nil
}

// Movie asks for one movie. An error status comes back as *[Error]. No error holds the
// key or the token.
func (c *Client) Movie(ctx context.Context, id string) (Movie, error) {
	resp, err := c.get(ctx, "/3/movie/"+url.PathEscape(id))
	if err != nil {
		return Movie{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return Movie{}, fmt.Errorf("The Movie Database: half a body: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return Movie{}, c.failure(resp, body)
	}
	var m Movie
	if err := json.Unmarshal(body, &m); err != nil {
		return Movie{}, fmt.Errorf("The Movie Database: garbage: %w", err)
	}
	if strconv.Itoa(m.ID) != id {
		return Movie{}, fmt.Errorf("The Movie Database: garbage: asked for movie %s, answered with %d", id, m.ID)
	}
	if m.Title == "" {
		return Movie{}, errors.New("The Movie Database: garbage: a movie without a title")
	}
	return m, nil
}

func (c *Client) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.BaseURL+path, nil)
	if err != nil {
		return nil, c.clean(err)
	}
	req.Header.Set("Accept", "application/json")
	switch {
	case c.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.Token)
	case c.Key != "":
		req.URL.RawQuery = url.Values{"api_key": {c.Key}}.Encode()
	}
	resp, err := c.HTTP.Do(req)
	return resp, c.clean(err)
}

// clean keeps the key, which is part of the URL, out of errors and so out of logs.
func (c *Client) clean(err error) error {
	e, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	if words := e.Err.Error(); c.hide(words) != words { // a Location that repeats the key
		return errors.New("The Movie Database: " + c.hide(words))
	}
	return fmt.Errorf("The Movie Database: %w", e.Err)
}

// hide takes the key and the token out of a text that another has written. Real ones are
// long; what is shorter than a word is found in any text and hides nothing.
func (c *Client) hide(text string) string {
	for _, secret := range []string{c.Token, c.Key, url.QueryEscape(c.Key)} {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	return text
}

func (c *Client) failure(resp *http.Response, body []byte) error {
	var said struct {
		Code    int    `json:"status_code"`
		Message string `json:"status_message"`
	}
	if json.Unmarshal(body, &said) != nil || said.Message == "" {
		said.Message = http.StatusText(resp.StatusCode)
	}
	e := &Error{HTTPStatus: resp.StatusCode, Code: said.Code, Message: c.hide(said.Message)}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(min(s, 3600)) * time.Second
	}
	return e
}
