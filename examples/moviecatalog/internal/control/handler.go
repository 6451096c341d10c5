package control

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

//go:embed page
var page embed.FS

// policy lets the page load what it brings along and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page and what it asks for. Requests that change something are
// refused if another site's page sent them.
func (p *Panel) Handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the page is part of the program
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /healthz", web.Healthz)
	mux.Handle("GET /metrics", metrics(p.reg))
	mux.Handle("GET /hystrix.stream", stream(p.reg))
	board := http.StripPrefix("/quill", p.board)
	mux.Handle("GET /quill/", board)
	mux.Handle("POST /quill/", board)
	mux.HandleFunc("GET /api/state", func(w http.ResponseWriter, _ *http.Request) { answer(w, p.state(), nil) })
	mux.HandleFunc("GET /api/catalog/{userId}", p.serveCatalog)
	mux.HandleFunc("PUT /api/instances/{name}", p.serveInstance)
	mux.HandleFunc("PUT /api/traffic", p.serveTraffic)
	mux.HandleFunc("PUT /api/settings", p.serveSettings)
	mux.HandleFunc("POST /api/heal", p.serveHeal)
	return secure(http.NewCrossOriginProtection().Handler(web.Routes(mux, p.log)))
}

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (p *Panel) serveInstance(w http.ResponseWriter, r *http.Request) {
	i := p.cluster.Instance(r.PathValue("name"))
	if i == nil {
		refuse(w, http.StatusNotFound, errors.New("there is no such instance"))
		return
	}
	var f fault.Faults
	if err := decode(w, r, &f); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := i.Set(f); err != nil { // its port was taken while it was down
		refuse(w, http.StatusConflict, err)
		return
	}
	answer(w, p.state(), nil)
}

func (p *Panel) serveHeal(w http.ResponseWriter, _ *http.Request) {
	var errs []error
	for _, i := range p.cluster.Instances() {
		errs = append(errs, i.Set(fault.Faults{}))
	}
	answer(w, p.state(), errors.Join(errs...))
}

func (p *Panel) serveTraffic(w http.ResponseWriter, r *http.Request) {
	var t struct {
		Rate float64 `json:"rate"`
	}
	err := decode(w, r, &t)
	if err == nil && (t.Rate < 0 || t.Rate > MaxRate) {
		err = fmt.Errorf("rate: must be 0 to %d", MaxRate)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	p.SetTraffic(t.Rate)
	answer(w, p.state(), nil)
}

func (p *Panel) serveSettings(w http.ResponseWriter, r *http.Request) {
	var v settingsView
	err := decode(w, r, &v)
	if err == nil {
		err = p.configure(v)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	answer(w, p.state(), nil)
}

// catalogView is the catalog's answer to one user.
type catalogView struct {
	Status int             `json:"status"`
	Kind   string          `json:"kind"`
	MS     float64         `json:"ms"`
	Body   json.RawMessage `json:"body"`
}

func (p *Panel) serveCatalog(w http.ResponseWriter, r *http.Request) {
	user := r.PathValue("userId")
	if err := api.CheckUserID(user); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	start := time.Now()
	resp, err := p.fetch(r.Context(), user)
	if err != nil {
		refuse(w, http.StatusBadGateway, errors.New("the catalog itself does not answer: it is down or too slow"))
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || !json.Valid(body) {
		refuse(w, http.StatusBadGateway, errors.New("the catalog itself answers garbage"))
		return
	}
	answer(w, catalogView{resp.StatusCode, resp.Header.Get(api.KindHeader), millis(time.Since(start)), body}, nil)
}

// decode reads a small JSON body and nothing that follows it.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("the request's body: %w", err)
	}
	return nil
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	web.WriteJSON(w, api.Fresh, v)
}

func refuse(w http.ResponseWriter, status int, err error) { web.Refuse(w, status, err.Error()) }
