package tmdb

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed movies.json
var moviesJSON []byte

// StandIn answers as The Movie Database does, for its few movies. Set its fields before
// it serves; it is then safe for concurrent use.
type StandIn struct {
	// Key and Token, if either is set, are what a request must bring one of.
	Key, Token string
	// PerSecond, if set, is how many requests a second are answered; the rest get a 429.
	PerSecond int

	once   sync.Once
	movies map[int]json.RawMessage

	mu    sync.Mutex
	tick  time.Time
	count int
}

type standInError struct {
	Success bool   `json:"success"`
	Code    int    `json:"status_code"`
	Message string `json:"status_message"`
}

// ServeHTTP answers GET /3/movie/{id}.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.once.Do(s.load)
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	id, isMovie := strings.CutPrefix(r.URL.Path, "/3/movie/")
	switch n, err := strconv.ParseInt(id, 10, 32); {
	case !s.known(r):
		refuse(w, http.StatusUnauthorized, CodeInvalidKey, "Invalid API key: You must be granted a valid key.")
	case !s.admit():
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, CodeOverLimit, "Your request count is over the allowed limit.")
	case !isMovie || r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, CodeNotFound, "The resource you requested could not be found.")
	case err != nil || n < 1:
		refuse(w, http.StatusNotFound, CodeInvalidID, "Invalid id: The pre-requisite id is invalid or not found.")
	case s.movies[int(n)] == nil:
		refuse(w, http.StatusNotFound, CodeNotFound, "The resource you requested could not be found.")
	default:
		_, _ = w.Write(s.movies[int(n)])
	}
}

func (s *StandIn) load() {
	var list []json.RawMessage
	if err := json.Unmarshal(moviesJSON, &list); err != nil {
		panic("tmdb: movies.json: " + err.Error()) // it is part of the program
	}
	s.movies = make(map[int]json.RawMessage, len(list))
	for _, raw := range list {
		var m Movie
		if err := json.Unmarshal(raw, &m); err != nil {
			panic("tmdb: movies.json: " + err.Error())
		}
		s.movies[m.ID] = raw
	}
}

func (s *StandIn) known(r *http.Request) bool {
	if s.Key == "" && s.Token == "" {
		return true
	}
	if s.Token != "" && r.Header.Get("Authorization") == "Bearer "+s.Token {
		return true
	}
	return s.Key != "" && r.URL.Query().Get("api_key") == s.Key
}

// admit counts requests by the second on the clock, which is as exact as a limit that
// "may change" needs to be.
func (s *StandIn) admit() bool {
	if s.PerSecond == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.tick) >= time.Second {
		s.tick, s.count = time.Now(), 0
	}
	s.count++
	return s.count <= s.PerSecond
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	w.WriteHeader(status)
	body, err := json.Marshal(standInError{Code: code, Message: message})
	if err != nil {
		panic("tmdb: " + err.Error()) // no such text is written in this file
	}
	_, _ = w.Write(body)
}
