package tmdb

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func client(t *testing.T, h http.Handler, cfg Config) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg.BaseURL, cfg.HTTP = srv.URL, srv.Client()
	c, err := NewClient(cfg)
	require.NoError(t, err)
	return c
}

func TestClientFindsMovieWithEitherCredential(t *testing.T) {
	for name, cfg := range map[string]Config{
		"token": {Token: "t"}, "key": {Key: "k"}, "both": {Token: "t", Key: "wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, &StandIn{Key: "k", Token: "t"}, cfg)
			m, err := c.Movie(t.Context(), "550")
			require.NoError(t, err)
			require.Equal(t, 550, m.ID)
			require.Equal(t, "Fight Club", m.Title)
			require.NotEmpty(t, m.Overview)
		})
	}
}

func TestTokenIsPreferredAndKeepsTheKeyOutOfTheURL(t *testing.T) {
	var got *http.Request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		(&StandIn{}).ServeHTTP(w, r)
	})
	_, err := client(t, h, Config{Token: "t", Key: "k"}).Movie(t.Context(), "550")
	require.NoError(t, err)
	require.Equal(t, "Bearer t", got.Header.Get("Authorization"))
	require.Empty(t, got.URL.RawQuery)

	_, err = client(t, h, Config{Key: "k"}).Movie(t.Context(), "550")
	require.NoError(t, err)
	require.Empty(t, got.Header.Get("Authorization"))
	require.Equal(t, "api_key=k", got.URL.RawQuery)
}

func TestStandInRefusesAsTheRealOneDoes(t *testing.T) {
	for _, c := range []struct {
		name         string
		standIn      *StandIn
		id           string
		status, code int
	}{
		{"wrong key", &StandIn{Key: "right"}, "550", 401, CodeInvalidKey},
		{"unknown movie", &StandIn{}, "999999", 404, CodeNotFound},
		{"bad id", &StandIn{}, "0", 404, CodeInvalidID},
		{"no number", &StandIn{}, "abc", 404, CodeInvalidID},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := client(t, c.standIn, Config{Key: "wrong"}).Movie(t.Context(), c.id)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.status, e.HTTPStatus)
			require.Equal(t, c.code, e.Code)
			require.NotEmpty(t, e.Message)
		})
	}
}

func TestStandInLimitsAndSaysWhenToComeBack(t *testing.T) {
	c := client(t, &StandIn{PerSecond: 1}, Config{})
	var err error
	for range 10 { // the first is granted, and on a machine that stands still for a second another
		if _, err = c.Movie(t.Context(), "550"); err != nil {
			break
		}
	}
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 429, e.HTTPStatus)
	require.Equal(t, CodeOverLimit, e.Code)
	require.Equal(t, time.Second, e.RetryAfter)
}

func TestNoErrorHoldsTheKey(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close() // nobody listens there now
	c, err := NewClient(Config{BaseURL: srv.URL, Key: "s3cret"})
	require.NoError(t, err)
	_, err = c.Movie(t.Context(), "550")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
}

func TestRedirectIsNotFollowedAndTakesNoKeyAlong(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed to %s, Referer %q", r.URL, r.Referer())
	}))
	defer elsewhere.Close()
	for _, location := range []string{elsewhere.URL, "/elsewhere?api_key=s3cret", "http://%zz?api_key=s3cret"} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		for _, cfg := range []Config{{Key: "s3cret"}, {Token: "s3cret"}} {
			_, err := client(t, h, cfg).Movie(t.Context(), "550")
			require.ErrorContains(t, err, "The Movie Database: ")
			require.NotContains(t, err.Error(), "s3cret")
		}
	}
}

func TestErrorBodyThatRepeatsTheKeyIsToldWithoutIt(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"status_code":7,"status_message":"no such key: s3cret"}`))
	})
	_, err := client(t, h, Config{Key: "s3cret"}).Movie(t.Context(), "550")
	require.EqualError(t, err, "The Movie Database: status 401, code 7: no such key: (hidden)")
}

func TestGarbageAndHalfABodyAreErrors(t *testing.T) {
	for name, body := range map[string]string{"garbage": "<html>", "empty": "{}", "no title": `{"id":550}`, "another movie": `{"id":13,"title":"x"}`} {
		t.Run(name, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
			_, err := client(t, h, Config{}).Movie(t.Context(), "550")
			require.ErrorContains(t, err, "garbage")
		})
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"id":550`))
	})
	_, err := client(t, h, Config{}).Movie(t.Context(), "550")
	require.ErrorContains(t, err, "half a body")
}

func TestClientRefusesAURLThatIsNone(t *testing.T) {
	for _, u := range []string{"", "api.themoviedb.org", "ftp://x", "http://"} {
		_, err := NewClient(Config{BaseURL: u})
		require.ErrorContains(t, err, "must look like", u)
	}
}
