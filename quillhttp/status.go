package quillhttp

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// StatusError stands for an answer of 4xx or 5xx, or with a status given to [Transport.FailureOn].
// Hooks see it; the classifier ([quill.WithClassifier]) sees those that count as failures: 5xx,
// 408, 429 and those of FailureOn. The caller gets the response and no error.
type StatusError struct {
	Code       int           // such as 503
	Status     string        // as the response gives it, such as "503 Service Unavailable"
	RetryAfter time.Duration // of a 429 or 503: how long the host asks to wait; else 0
}

// Error returns the status as text, with its code.
func (e *StatusError) Error() string {
	code := strconv.Itoa(e.Code)
	switch {
	case e.Status == "":
		return "HTTP status " + code
	case strings.HasPrefix(e.Status, code):
		return "HTTP status " + e.Status
	}
	return "HTTP status " + code + " " + e.Status // fakes and some RoundTrippers leave the number out
}

// judge says whether a status is a failure of the host, as it is if it is one of FailureOn's,
// and what it is worth, as [quill.Call.End] takes it.
func judge(resp *http.Response, named bool) (failure bool, verdict error) {
	code := resp.StatusCode
	if code < 400 && !named {
		return false, nil
	}
	e := &StatusError{Code: code, Status: resp.Status}
	switch {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		e.RetryAfter = retryAfter(resp.Header, time.Now)
		return true, quill.RetryAfter(e, e.RetryAfter)
	case code >= 500, code == http.StatusRequestTimeout, named:
		return true, e
	}
	return false, quill.Ignore(e)
}

// retryAfter reads the Retry-After header in its two forms. A delay that is missing,
// malformed or not positive is 0.
func retryAfter(h http.Header, now func() time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	if isDigits(value) {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(math.MaxInt64/time.Second) {
			return math.MaxInt64 // the circuit has a bound of its own
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	// By the clock that the date was made with, if the answer tells it: then it does not
	// matter that the host's clock and ours differ.
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = now()
	}
	return max(0, at.Sub(from))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
