package quillstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// Action is a change of a circuit that a viewer of a dashboard asked for.
type Action struct {
	At      time.Time
	Request *http.Request // of the viewer; its body has been read
	Command string        // the name of the circuit, as the viewer gave it
	Kind    string        // "override", "reset" or "settings"

	// Of an override: what it is, for how long (0: until changed), and why.
	Override quill.Override
	TTL      time.Duration
	Reason   string

	// Of settings: as they were given before, and as they were asked for.
	Before, After quill.Settings

	// Err is why the change was not made, nil if it was.
	Err error
}

// actionHeader must come with each change. A page of another site cannot send it without
// asking first, and is never told yes.
const actionHeader = "Quill-Dashboard"

// request is the body of a change.
type request struct {
	Name     string          `json:"name"`
	Override quill.Override  `json:"override"`
	TTL      string          `json:"ttl"` // "10m"; "" or "0s": until changed
	Reason   string          `json:"reason"`
	Settings json.RawMessage `json:"settings"`
	Check    bool            `json:"check"` // only say what the settings would do
}

// problem is a fault of settings, by field.
type problem struct {
	Field   string `json:"field"`
	Value   string `json:"value"`
	Allowed string `json:"allowed"`
}

var (
	errReadOnly  = errors.New("this dashboard is read-only: the program gave it no Admin")
	errForeign   = errors.New("changes are taken from the dashboard's own page only")
	errNoCommand = errors.New("there is no such command in this process")
	errNoReason  = errors.New("say why: the reason is shown to everybody whose calls it concerns")
)

// serveAction makes a change.
func (b *Board) serveAction(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		decline(w, http.StatusMethodNotAllowed, errors.New("changes are asked for with POST"))
		return
	}
	kind := r.PathValue("action")
	do := map[string]func(*quill.Circuit, request, *Action) error{
		"override": override, "reset": reset, "settings": configure,
	}[kind]
	switch {
	case b.admin.Authorize == nil:
		decline(w, http.StatusForbidden, errReadOnly)
		return
	case do == nil:
		decline(w, http.StatusNotFound, errors.New("there is no such change"))
		return
	case http.NewCrossOriginProtection().Check(r) != nil, r.Header.Get(actionHeader) == "",
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		decline(w, http.StatusForbidden, errForeign)
		return
	}
	a := Action{At: time.Now(), Request: r, Kind: kind}
	ask, status, err := b.admit(w, r)
	a.Command = ask.Name
	if kind == "override" {
		a.Override, a.Reason = ask.Override, strings.TrimSpace(ask.Reason)
	}
	if err == nil && ask.Check {
		b.serveCheck(w, r, ask)
		return
	}
	var c *quill.Circuit
	if err == nil {
		status = http.StatusUnprocessableEntity
		if c, err = b.lookup(ask.Name); err == nil {
			err = do(c, ask, &a)
		}
	}
	a.Err = err
	if b.admin.Audit != nil {
		b.admin.Audit(a)
	}
	if err != nil {
		decline(w, status, err, problemsOf(err)...)
		return
	}
	b.now.forget() // whoever asks next sees it
	answer(w, r, b.viewDetail(c))
}

// admit reads what is asked for and asks whether the viewer may.
func (b *Board) admit(w http.ResponseWriter, r *http.Request) (ask request, status int, err error) {
	const most = 64 << 10
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err == nil {
		err = json.Unmarshal(body, &ask)
	}
	if denied := b.admin.Authorize(r); denied != nil {
		return ask, http.StatusForbidden, denied
	}
	if err != nil {
		return ask, http.StatusBadRequest, fmt.Errorf("the request: %w", err)
	}
	return ask, http.StatusOK, nil
}

func (b *Board) lookup(name string) (*quill.Circuit, error) {
	c, ok := b.registry.Lookup(name)
	if !ok {
		return nil, errNoCommand
	}
	return c, nil
}

func override(c *quill.Circuit, ask request, a *Action) error {
	if ask.TTL != "" {
		ttl, err := time.ParseDuration(ask.TTL)
		if err != nil {
			return fmt.Errorf("the time to live is %q: must be like 10m, or 0s for until changed", ask.TTL)
		}
		a.TTL = ttl
	}
	if a.Reason == "" && a.Override != quill.NoOverride {
		return errNoReason
	}
	return c.Override(a.Override, a.TTL, a.Reason)
}

func reset(c *quill.Circuit, _ request, _ *Action) error {
	c.Reset()
	return nil
}

func configure(c *quill.Circuit, ask request, a *Action) error {
	s, err := quill.ParseSettings(ask.Settings)
	if err != nil {
		return err
	}
	a.Before, a.After = c.Settings(), s
	return c.Configure(s)
}

// checked says what settings would do.
type checked struct {
	Words []string `json:"words"`
}

func (b *Board) serveCheck(w http.ResponseWriter, r *http.Request, ask request) {
	if _, err := b.lookup(ask.Name); err != nil {
		decline(w, http.StatusUnprocessableEntity, err)
		return
	}
	s, err := quill.ParseSettings(ask.Settings)
	if err != nil {
		decline(w, http.StatusUnprocessableEntity, err, problemsOf(err)...)
		return
	}
	answer(w, r, checked{s.InWords()})
}

func problemsOf(err error) []problem {
	var all []problem
	if e, ok := errors.AsType[*quill.SettingsError](err); ok {
		for _, p := range e.Problems {
			all = append(all, problem(p))
		}
	}
	return all
}
