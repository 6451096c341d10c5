package catalog

import (
	"context"
	"net/http"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

// Naive is how such a program is written first: each service is asked plainly, and its
// error is the user's error. It is here to be measured against [Guarded]. With a timeout
// of 0 it waits as long as it takes, as http.Get does; and like http.Get it does not
// notice that the user has left.
func Naive(u Upstreams, timeout time.Duration) Sources {
	client := *u.HTTP
	client.Timeout = timeout
	return Sources{
		Ratings: plain[api.UserRatings](&client, u.Ratings[0], "/ratingsdata/user/"),
		Movies:  plain[api.Movie](&client, u.Movies[0], "/movies/"),
	}
}

func plain[T api.Answer](client *http.Client, base, path string) Source[T] {
	return func(ctx context.Context, id string) (T, api.Kind, error) {
		r, err := web.Get[T](context.WithoutCancel(ctx), client, base, path, id)
		if err != nil {
			return r.Value, r.Kind, err
		}
		return r.Unpack()
	}
}
