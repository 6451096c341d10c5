package story

import (
	"context"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
)

// innerCalls is the proxy pitfall of Hystrix. There, an annotation on a method asks a
// framework to put a proxy around the object; a call from one method of the object to
// another does not pass the proxy, and the fallback is silently skipped.
func innerCalls() Lesson {
	v := Variant{
		Broken: "both movie-infos fail", Sick: both, Fault: failing,
		Rate: 60, Users: []string{"bob", "foo"},
		Healthy: 400 * time.Millisecond, Breaks: 800 * time.Millisecond, Healed: 500 * time.Millisecond,
	}
	proxy, own := v, v
	proxy.Name, proxy.Label = "7-inner-proxy", "a fallback in a proxy around the object"
	proxy.Catalog = func(b Bench) catalog.Cataloger {
		plain := catalog.New(catalog.Naive(b.Up, base.Timeout))
		return proxied{Service: plain, guarded: guard(b, base, lastOrDefault)}
	}
	own.Name, own.Label = "7-inner-own", "a fallback where the call is made"
	own.Catalog = guarded(base, lastOrDefault)
	return Lesson{
		7, "Each call keeps its own fallback",
		"Catalog calls Movie, a method of the same object. In the first row the fallback sits in a proxy around " +
			"the object, as with Hystrix's annotations: the inner call does not pass it, and users see errors though " +
			"somebody did write a fallback. A quill command is a value that holds the call together with its fallback; who calls it, and " +
			"from where, makes no difference.",
		[]Variant{proxy, own},
	}
}

var lastOrDefault = catalog.Fallbacks{LastGood: true, Default: true}

// proxied is what an annotation makes of a catalog.Service: Movie is guarded for whoever
// calls it from outside. Catalog is promoted from the embedded Service, which calls its
// own Movie, and that one has no guard.
type proxied struct {
	*catalog.Service

	guarded *catalog.Service
}

// Movie is never called by Catalog. That is the pitfall.
func (p proxied) Movie(ctx context.Context, id string) (api.Movie, api.Kind, error) {
	return p.guarded.Movie(ctx, id)
}
