package catalog

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

// Cataloger is what [Handler] needs; *[Service] is one.
type Cataloger interface {
	Catalog(ctx context.Context, userID string) ([]api.CatalogItem, api.Kind, error)
}

// Handler serves GET /catalog/{userId}, at most workers requests at once (0 = no limit).
func Handler(c Cataloger, workers int, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /catalog/{userId}", web.Workers(workers, serveCatalog(c, log)))
	mux.HandleFunc("GET /healthz", web.Healthz)
	return web.Routes(mux, log)
}

func serveCatalog(c Cataloger, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		items, kind, err := c.Catalog(r.Context(), r.PathValue("userId"))
		if err != nil {
			web.WriteError(w, r, log, err)
			return
		}
		web.WriteJSON(w, kind, items)
	}
}
