//nolint:bodyclose // finish closes bodies, or the test itself; a refused request has none
package quillhttp

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	now := time.Date(2026, time.November, 6, 8, 49, 37, 0, time.UTC)
	in := now.Add(90 * time.Second)
	for _, test := range []struct {
		header, date string
		want         time.Duration
	}{
		{"", "", 0},
		{"120", "", 2 * time.Minute},
		{"0", "", 0},
		{"007", "", 7 * time.Second},
		{"-5", "", 0},
		{"+5", "", 0},
		{"1.5", "", 0},
		{"5s", "", 0},
		{"five", "", 0},
		{"0x10", "", 0},
		{"9223372036", "", 9223372036 * time.Second},
		{"9223372037", "", math.MaxInt64},
		{"9223372036854775808", "", math.MaxInt64},
		{strings.Repeat("9", 400), "", math.MaxInt64},
		{in.Format(http.TimeFormat), "", 90 * time.Second},
		{in.Format("Monday, 02-Jan-06 15:04:05 GMT"), "", 90 * time.Second}, // RFC 850
		{in.Format(time.ANSIC), "", 90 * time.Second},
		{now.Add(-time.Hour).Format(http.TimeFormat), "", 0},
		{now.Format(http.TimeFormat), "", 0},
		{in.Format(time.RFC3339), "", 0},
		{"Fri, 31 Feb 2026 00:00:00 GMT", "", 0},
		// The host's clock is an hour ahead, or behind: only the difference counts.
		{in.Add(time.Hour).Format(http.TimeFormat), now.Add(time.Hour).Format(http.TimeFormat), 90 * time.Second},
		{in.Add(-time.Hour).Format(http.TimeFormat), now.Add(-time.Hour).Format(http.TimeFormat), 90 * time.Second},
		{in.Format(http.TimeFormat), "today", 90 * time.Second},
		{"120", "today", 2 * time.Minute},
	} {
		h := http.Header{}
		h.Set("Retry-After", test.header)
		h.Set("Date", test.date)
		require.Equal(t, test.want, retryAfter(h, func() time.Time { return now }), "%q, %q", test.header, test.date)
	}
}

func TestStatusErrorSaysTheCode(t *testing.T) {
	for want, e := range map[string]*StatusError{
		"HTTP status 503 Service Unavailable": {Code: 503, Status: "503 Service Unavailable"},
		"HTTP status 503 Unavailable":         {Code: 503, Status: "Unavailable"},
		"HTTP status 503":                     {Code: 503},
		"HTTP status 404":                     {Code: 404, Status: "404"},
		"HTTP status 404 40 days":             {Code: 404, Status: "40 days"},
	} {
		require.EqualError(t, e, want)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120", "")
	f.Add("Fri, 06 Nov 2026 08:49:37 GMT", "Fri, 06 Nov 2026 08:49:00 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT", "x")
	f.Add("99999999999999999999", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		if d := retryAfter(h, time.Now); d < 0 {
			t.Fatalf("%q gave %s", value, d)
		}
	})
}

// opens sends one failing request through a circuit that one failure opens, and returns
// how long it stays open.
func opens(t *testing.T, s quill.Settings, code int, retryAfter string) time.Duration {
	t.Helper()
	s.RequestVolumeThreshold = 1
	c := quill.NewCircuit("c", s, quill.WithRegistry(quill.NewRegistry()))
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := respond(r, code, http.NoBody)
		resp.Header.Set("Retry-After", retryAfter)
		return resp, nil
	})
	resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.NoError(t, err)
	require.Equal(t, code, resp.StatusCode)
	require.Equal(t, quill.Open, c.State())
	return c.Stats().RetryAfter
}

func TestRetryAfterHoldsEvenIfTheBodyBreaksOff(t *testing.T) {
	c := newCircuit(t, quill.Settings{RequestVolumeThreshold: 1})
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := respond(r, 503, broken(""))
		resp.Header.Set("Retry-After", "60")
		return resp, nil
	})
	resp, err := New(c, base).RoundTrip(newRequest(t, "GET", "http://a/", nil))
	require.NoError(t, err)
	_, err = resp.Body.Read(make([]byte, 1))
	require.ErrorIs(t, err, errBroken)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, quill.Open, c.State())
	require.Greater(t, c.Stats().RetryAfter, 50*time.Second)
}

func TestRetryAfterKeepsTheCircuitOpenThatLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quill.Settings{SleepWindow: 5 * time.Second}
		for _, code := range []int{429, 503} {
			require.Equal(t, 30*time.Second, opens(t, s, code, "30"), code)
			date := time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat)
			require.Equal(t, 40*time.Second, opens(t, s, code, date), code)
			require.Equal(t, 5*time.Second, opens(t, s, code, "1"), "never shorter than the sleep window")
			require.Equal(t, 5*time.Second, opens(t, s, code, "-30"))
			require.Equal(t, quill.MaxRetryAfter, opens(t, s, code, strings.Repeat("9", 30)), "bounded")
		}
		s.MaxSleepWindow = 20 * time.Second
		require.Equal(t, 20*time.Second, opens(t, s, 503, "30"))
		s.MaxSleepWindow = 0
		require.Equal(t, 5*time.Second, opens(t, s, 500, "30"), "means nothing there")
		require.Equal(t, 5*time.Second, opens(t, s, 408, "30"), "nor there")
	})
}
