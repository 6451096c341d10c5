package ratings

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersExactlyAsAgreed(t *testing.T) {
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/ratingsdata/user/foo", `{"userId":"foo","ratings":[{"movieId":"100","rating":3},{"movieId":"200","rating":4}]}`, 200},
		{"/ratingsdata/user/carol", `{"userId":"carol","ratings":[]}`, 200},
		{"/ratingsdata/movies/100", `{"movieId":"100","rating":3}`, 200},
		{"/ratingsdata/user/nobody", `{"status":404,"error":"user nobody: not found"}`, 404},
		{"/ratingsdata/movies/999", `{"status":404,"error":"ratings of movie 999: not found"}`, 404},
		{"/ratingsdata/user/a%20b", `{"status":400,"error":"bad id: a user id has only letters, digits, '.', '-' and '_'"}`, 400},
		{"/ratingsdata/movies/abc", `{"status":400,"error":"bad id: a movie id is a number from 1 to 2147483647"}`, 400},
		{"/elsewhere", `{"status":404,"error":"no such path: /elsewhere"}`, 404},
		{"/healthz", `{"status":"ok"}`, 200},
	} {
		t.Run(c.path, func(t *testing.T) {
			w := httptest.NewRecorder()
			Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.path, nil))
			require.Equal(t, c.status, w.Code)
			require.JSONEq(t, c.body, w.Body.String())
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		})
	}
}

func TestUsersAreSorted(t *testing.T) {
	require.Equal(t, []string{"1", "alice", "bob", "carol", "foo"}, Users())
}
