package quillstream

import (
	"errors"
	"net/http"

	"github.com/seed-f7c3343e/quill"
)

// detailView is the page of one command.
type detailView struct {
	Host    string         `json:"host"`
	Self    bool           `json:"self"`
	Now     commandView    `json:"now"`
	History historyView    `json:"history"`
	Given   quill.Settings `json:"given"`    // as the program or an operator gave them
	InForce quill.Settings `json:"inForce"`  // with the defaults filled in
	Words   []string       `json:"words"`    // the same in words
	Shared  string         `json:"bulkhead"` // a bulkhead that other circuits use too
	Explain any            `json:"explain"`  // a quill.Explanation, or one as it came from another process
}

// serveCommand serves the page of one command, of this process or of another.
func (b *Board) serveCommand(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name, host := q.Get("name"), q.Get("host")
	if host != "" && host != b.host {
		for _, s := range b.sources {
			if s.Host == host {
				s.serveCommand(w, r, name)
				return
			}
		}
		decline(w, http.StatusNotFound, errors.New("the dashboard knows no such process"))
		return
	}
	c, ok := b.registry.Lookup(name)
	if !ok {
		decline(w, http.StatusNotFound, errors.New("there is no such command: it was removed, or never made"))
		return
	}
	answer(w, r, b.viewDetail(c))
}

func (b *Board) viewDetail(c *quill.Circuit) detailView {
	s := c.Stats()
	v := detailView{
		Host: b.host, Self: true, Now: b.viewCircuit(c), History: b.history.of(c.Name()),
		Given: c.Settings(), InForce: s.Settings, Words: s.Settings.InWords(),
		Explain: c.Explain(),
	}
	if s.Bulkhead != c.Name() {
		v.Shared = s.Bulkhead
	}
	return v
}
