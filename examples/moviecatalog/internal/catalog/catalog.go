// Package catalog is movie-catalog-service: it puts together a user's catalog from what
// ratings-data and movie-info answer. What happens when one of the two does not answer
// is not decided here but where each is asked: see guard.go.
package catalog

import (
	"context"
	"errors"
	"sync"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
)

// Source is something that can be asked for a T by an id, and tells how the answer came
// about. A guarded one has its fallbacks inside.
type Source[T any] func(ctx context.Context, id string) (T, api.Kind, error)

// Sources are the two services that a catalog is made of.
type Sources struct {
	Ratings Source[api.UserRatings]
	Movies  Source[api.Movie]
}

// Service puts catalogs together. It is safe for concurrent use.
type Service struct{ from Sources }

// New returns a Service that asks from.
func New(from Sources) *Service { return &Service{from} }

// Catalog asks for the user's ratings and then, all at once, for each rated movie. The
// kind is that of the worst part. A movie that does not exist is listed by its number.
func (s *Service) Catalog(ctx context.Context, userID string) ([]api.CatalogItem, api.Kind, error) {
	if err := api.CheckUserID(userID); err != nil {
		return nil, 0, err
	}
	ratings, worst, err := s.from.Ratings(ctx, userID)
	if err != nil {
		return nil, 0, err
	}
	items := make([]api.CatalogItem, len(ratings.Ratings))
	kinds := make([]api.Kind, len(items))
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for i, r := range ratings.Ratings {
		wg.Go(func() { items[i], kinds[i], errs[i] = s.Item(ctx, r) })
	}
	wg.Wait()
	for _, k := range kinds {
		worst = max(worst, k)
	}
	return items, worst, errors.Join(errs...)
}

// Item makes one line of a catalog.
func (s *Service) Item(ctx context.Context, r api.Rating) (api.CatalogItem, api.Kind, error) {
	m, kind, err := s.Movie(ctx, r.MovieID)
	if errors.Is(err, api.ErrNotFound) {
		return api.CatalogItem{Name: "movie " + r.MovieID, Desc: "The film database does not know it.", Rating: r.Rating}, kind, nil
	}
	return api.CatalogItem{Name: m.Name, Desc: m.Description, Rating: r.Rating}, kind, err
}

// Movie asks for one movie.
func (s *Service) Movie(ctx context.Context, id string) (api.Movie, api.Kind, error) {
	return s.from.Movies(ctx, id)
}
