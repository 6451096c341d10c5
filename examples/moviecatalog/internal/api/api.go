// Package api holds the words that the three services speak to each other: the JSON of
// each answer, what makes an id a good one, and how an answer came about. It knows of no
// HTTP and no resilience, so that every other package may import it.
package api

import (
	"errors"
	"fmt"
	"strconv"
)

// CatalogItem is a line of a user's catalog: GET /catalog/{userId} answers with a list.
type CatalogItem struct {
	Name   string `json:"name"`
	Desc   string `json:"desc"`
	Rating int    `json:"rating"`
}

// Movie is what movie-info answers to GET /movies/{movieId}.
type Movie struct {
	MovieID     string `json:"movieId"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Rating is one user's rating of one movie, or, from GET /ratingsdata/movies/{movieId},
// everybody's.
type Rating struct {
	MovieID string `json:"movieId"`
	Rating  int    `json:"rating"`
}

// UserRatings is what ratings-data answers to GET /ratingsdata/user/{userId}.
type UserRatings struct {
	UserID  string   `json:"userId"`
	Ratings []Rating `json:"ratings"`
}

// Answer is an answer that can tell whether it is one to the question that was asked.
type Answer interface {
	// Check returns an error if this is no answer for id, whatever else it may be: much
	// that is valid JSON is garbage, and decodes without an error.
	Check(id string) error
}

// Check wants the movie that was asked for, with a name.
func (m Movie) Check(id string) error {
	switch {
	case m.MovieID != id:
		return fmt.Errorf("asked for movie %q, answered with %q", id, m.MovieID)
	case m.Name == "":
		return errors.New("a movie without a name")
	}
	return nil
}

// Check wants the ratings of the user who was asked for: a list, which may be empty, of
// movies that can be asked for.
func (u UserRatings) Check(id string) error {
	switch {
	case u.UserID != id:
		return fmt.Errorf("asked for user %q, answered with %q", id, u.UserID)
	case u.Ratings == nil:
		return errors.New("no list of ratings")
	}
	for _, r := range u.Ratings {
		if CheckMovieID(r.MovieID) != nil {
			return fmt.Errorf("a rating of %q, which is no movie", r.MovieID)
		}
	}
	return nil
}

// Errors that are the asker's own fault. They say nothing about the health of whoever
// answered, so the guards hand them to quill.Ignore.
var (
	ErrNotFound = errors.New("not found")
	ErrBadID    = errors.New("bad id")
)

// CheckUserID wants 1 to 64 letters, digits, dots, dashes or underscores.
func CheckUserID(id string) error {
	if id == "" || len(id) > 64 {
		return fmt.Errorf("%w: a user id has 1 to 64 characters", ErrBadID)
	}
	for _, r := range id {
		if !isLetterOrDigit(r) && r != '.' && r != '-' && r != '_' {
			return fmt.Errorf("%w: a user id has only letters, digits, '.', '-' and '_'", ErrBadID)
		}
	}
	return nil
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// CheckMovieID wants a positive whole number as The Movie Database numbers its movies.
func CheckMovieID(id string) error {
	n, err := strconv.ParseInt(id, 10, 32)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != id {
		return fmt.Errorf("%w: a movie id is a number from 1 to 2147483647", ErrBadID)
	}
	return nil
}
