package quillstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Source is the dashboard of another process.
type Source struct {
	// Host is the label of the process: not empty, and no two the same.
	Host string
	// URL is where its dashboard is mounted, such as "http://10.0.0.7:8080/quill/".
	URL string
	// Header is sent along, such as an Authorization. It may be nil.
	Header http.Header
}

// Check returns nil if s can be asked, and otherwise an error that says what is wrong.
func (s Source) Check() error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil: // whose text would show a password that the URL holds
		return fmt.Errorf("quillstream: the URL of source %q cannot be read: must be where its dashboard is mounted, such as http://10.0.0.7:8080/quill/",
			s.Host)
	case s.Host == "":
		return fmt.Errorf("quillstream: the source at %q has no Host, which is its label", u.Redacted())
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("quillstream: the URL of source %q is %q: must be where its dashboard is mounted, such as http://10.0.0.7:8080/quill/",
			s.Host, u.Redacted())
	}
	return nil
}

const (
	sourcePatience = 3 * time.Second
	mostBody       = 16 << 20
)

// plainClient asks whom it was told to ask, and nobody whom that one names.
func plainClient() *http.Client {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // a program's own, which it has its reasons for
		return &http.Client{Timeout: sourcePatience, CheckRedirect: stay}
	}
	return &http.Client{Timeout: sourcePatience, CheckRedirect: stay, Transport: transport.Clone()}
}

// stay is CheckRedirect of a client that goes nowhere else.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// source is a Source and what it said last. It is asked while somebody looks, never by the
// one who looks: a process that hangs delays no page.
type source struct {
	Source

	board *Board

	now    said[snapshotView]
	sparks said[sparksView]
}

// said is what a source last said to one question.
type said[T any] struct {
	mu    sync.Mutex
	busy  bool
	asked time.Time // when last
	at    time.Time // of value
	value T
	err   error // why the last question had no answer
}

// look returns what was said last and has it asked again if that is older than keep.
func (a *said[T]) look(s *source, path string, keep time.Duration) (value T, at time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.busy && time.Since(a.asked) >= keep && s.board.fetch(func() { a.ask(s, path) }) {
		a.busy, a.asked = true, time.Now()
	}
	return a.value, a.at, a.err
}

func (a *said[T]) ask(s *source, path string) {
	var value T
	body, _, err := s.fetch(s.board.ctx, path)
	if err == nil {
		err = json.Unmarshal(body, &value)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy, a.err = false, err
	if err == nil {
		a.value, a.at = value, time.Now()
	}
}

// fetch asks the process. A denial in its own words comes with its status.
func (s *source) fetch(ctx context.Context, path string) (body []byte, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, sourcePatience)
	defer cancel()
	//nolint:gosec // the program says whom to ask; a viewer adds at most the escaped name of a command
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.URL, "/")+path, nil)
	if err != nil {
		return nil, 0, err
	}
	maps.Copy(req.Header, s.Header)
	resp, err := s.board.client.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, 0, errors.New("it does not answer")
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, mostBody+1))
	switch {
	case err != nil:
		return nil, 0, errors.New("its answer broke off")
	case len(body) > mostBody:
		return nil, 0, errors.New("its answer is too long")
	case resp.StatusCode != http.StatusOK:
		return body, resp.StatusCode, fmt.Errorf("it answers with status %d", resp.StatusCode)
	case !json.Valid(body):
		return nil, 0, errors.New("its answer is not JSON: is a dashboard mounted there?")
	}
	return body, resp.StatusCode, nil
}

// host is what is shown of the process.
func (s *source) host() hostView {
	said, at, err := s.now.look(s, "/data/now?own=1", second)
	v := hostView{Host: s.Host, Commands: []commandView{}}
	switch {
	case err != nil:
		v.Error = err.Error()
	case at.IsZero():
		v.Error = "it has not answered yet"
	case len(said.Hosts) == 0:
		v.Error = "its answer names no commands"
	}
	if len(said.Hosts) == 0 {
		return v
	}
	v.AgeMS = millis(time.Since(at))
	v.Hidden = said.Hosts[0].Hidden
	commands := said.Hosts[0].Commands
	if len(commands) > mostCommands {
		v.Hidden += len(commands) - mostCommands
		commands = commands[:mostCommands]
	}
	v.Commands = append(v.Commands, commands...)
	return v
}

func (s *source) hostSparks() hostSparks {
	said, _, _ := s.sparks.look(s, "/data/sparks?own=1", period)
	if len(said.Hosts) == 0 {
		return hostSparks{s.Host, map[string]sparkView{}}
	}
	return hostSparks{s.Host, said.Hosts[0].Commands}
}

// serveCommand passes on the page of a command of the process.
func (s *source) serveCommand(w http.ResponseWriter, r *http.Request, name string) {
	body, status, err := s.fetch(r.Context(), "/data/command?name="+url.QueryEscape(name))
	if status == http.StatusNotFound {
		decline(w, http.StatusNotFound, errors.New("there is no such command: it was removed, or never made"))
		return
	}
	var v detailView
	if err == nil {
		err = json.Unmarshal(body, &v)
	}
	if err != nil {
		decline(w, http.StatusBadGateway, fmt.Errorf("%s cannot be shown: %w", s.Host, err))
		return
	}
	v.Host, v.Self = s.Host, false
	answer(w, r, v)
}
