package quillstream

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func failing(context.Context, int) (int, error) { return 0, errors.New("down") }

// ask asks for a change as the page does.
func ask(h http.Handler, action, body string, header ...string) *httptest.ResponseRecorder {
	header = append([]string{"Content-Type", "application/json", actionHeader, "1", "Sec-Fetch-Site", "same-origin"}, header...)
	return get(h, "POST", "/do/"+action, body, header...)
}

// audited is an Admin for everybody, and the actions it was told of.
func audited() (Admin, *[]Action) {
	var all []Action
	return Admin{Authorize: everybody, Audit: func(a Action) { all = append(all, a) }}, &all
}

func TestDashboardWithoutAdminIsReadOnly(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 0, 0, semaphore)
	b := newBoard(t, reg)
	for _, action := range []string{"override", "reset", "settings", "nothing"} {
		w := ask(b, action, `{"name":"movies","override":"forced-open","reason":"test","settings":{}}`)
		require.Equal(t, http.StatusForbidden, w.Code, action)
		require.Contains(t, w.Body.String(), "read-only")
	}
	require.Equal(t, http.StatusMethodNotAllowed, get(b, "GET", "/do/override", "").Code)
	require.Equal(t, quill.NoOverride, c.Stats().Override)
}

func TestOverrideHasAReasonAndATimeToLive(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 0, 0, semaphore)
	admin, actions := audited()
	b := newBoard(t, reg, WithAdmin(admin))
	w := ask(b, "override", `{"name":"movies","override":"forced-open","ttl":"10m","reason":" the vendor asked for it "}`)
	require.Equal(t, 200, w.Code, w.Body.String())
	s := c.Stats()
	require.Equal(t, quill.ForceOpen, s.Override)
	require.Equal(t, "the vendor asked for it", s.OverrideReason)
	require.InDelta(t, 10*time.Minute, s.OverrideLeft, float64(time.Minute))
	require.Contains(t, get(b, "GET", "/data/now", "").Body.String(), "the vendor asked for it", "who asks next sees it")

	require.Equal(t, 200, ask(b, "override", `{"name":"movies","override":"none"}`).Code)
	require.Equal(t, quill.NoOverride, c.Stats().Override)
	require.Len(t, *actions, 2)
	first := (*actions)[0]
	require.Equal(t, "override", first.Kind)
	require.Equal(t, "movies", first.Command)
	require.Equal(t, quill.ForceOpen, first.Override)
	require.Equal(t, 10*time.Minute, first.TTL)
	require.Equal(t, "the vendor asked for it", first.Reason)
	require.NotNil(t, first.Request)
	require.NoError(t, first.Err)
}

func TestWrongChangesAreRefusedWithASentenceAndAudited(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 0, 0, semaphore)
	admin, actions := audited()
	b := newBoard(t, reg, WithAdmin(admin))
	for _, x := range []struct {
		action, body string
		status       int
		says         string
	}{
		{"override", `{"name":"movies","override":"forced-open"}`, 422, "say why"},
		{"override", `{"name":"movies","override":"forced-open","reason":"x","ttl":"soon"}`, 422, "like 10m"},
		{"override", `{"name":"movies","override":"forced-open","reason":"x","ttl":"-1s"}`, 422, "time to live"},
		{"override", `{"name":"movies","override":"ajar","reason":"x"}`, 400, "ajar"},
		{"override", `{"name":"none","override":"forced-open","reason":"x"}`, 422, "no such command"},
		{"override", `nonsense`, 400, "the request"},
		{"settings", `{"name":"movies","settings":{"timeout":"5ns"}}`, 422, "timeout is"},
		{"reset", `{"name":"none"}`, 422, "no such command"},
	} {
		w := ask(b, x.action, x.body)
		require.Equal(t, x.status, w.Code, x.body)
		require.Contains(t, w.Body.String(), x.says)
		require.Error(t, (*actions)[len(*actions)-1].Err)
	}
	require.Len(t, *actions, 8)
	require.Equal(t, 404, ask(b, "nothing", `{}`).Code)
	require.Equal(t, quill.NoOverride, c.Stats().Override)
	require.Equal(t, semaphore, c.Settings())
}

func TestSettingsAreValidatedFieldByField(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 0, 0, semaphore)
	admin, actions := audited()
	b := newBoard(t, reg, WithAdmin(admin))
	w := ask(b, "settings", `{"name":"movies","settings":{"timeout":"5ns","probes":0,"errorPercentThreshold":"much"}}`)
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	var r denial
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &r))
	var fields []string
	for _, p := range r.Problems {
		fields = append(fields, p.Field)
		require.NotEmpty(t, p.Allowed)
	}
	require.ElementsMatch(t, []string{"timeout", "probes", "errorPercentThreshold"}, fields)

	w = ask(b, "settings", `{"name":"movies","check":true,"settings":{"isolation":"semaphore","errorPercentThreshold":30}}`)
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "at least 30 %")
	require.Equal(t, semaphore, c.Settings(), "a check changes nothing")

	w = ask(b, "settings", `{"name":"movies","settings":{"isolation":"semaphore","errorPercentThreshold":30}}`)
	require.Equal(t, 200, w.Code)
	require.EqualValues(t, 30, c.Settings().ErrorPercentThreshold)
	last := (*actions)[len(*actions)-1]
	require.Equal(t, semaphore, last.Before)
	require.Equal(t, c.Settings(), last.After)
	require.Len(t, *actions, 2, "a check is no change")
}

func TestResetClosesTheBreaker(t *testing.T) {
	reg := quill.NewRegistry()
	s := semaphore
	s.RequestVolumeThreshold = 1
	c := circuit(reg, "movies", 0, 2, s)
	require.Equal(t, quill.Open, c.State())
	b := newBoard(t, reg, WithAdmin(Admin{Authorize: everybody}))
	require.Equal(t, 200, ask(b, "reset", `{"name":"movies"}`).Code)
	require.Equal(t, quill.Closed, c.State())
}

func TestOtherSitesPagesChangeNothing(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 0, 0, semaphore)
	admin, actions := audited()
	b := newBoard(t, reg, WithAdmin(admin))
	const body = `{"name":"movies","override":"forced-open","reason":"x"}`
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "", "Origin", "https://elsewhere.example"},
		{actionHeader, ""},
		{"Content-Type", "text/plain"},
	} {
		require.Equal(t, http.StatusForbidden, ask(b, "override", body, header...).Code, header)
	}
	require.Empty(t, *actions, "nobody was asked whether they may")
	require.Equal(t, quill.NoOverride, c.Stats().Override)
}

func TestWhoMayNotIsToldWhyAndAudited(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 0, 0, semaphore)
	admin, actions := audited()
	admin.Authorize = func(r *http.Request) error {
		if r.Header.Get("X-Operator") == "" {
			return errors.New("operators only")
		}
		return nil
	}
	b := newBoard(t, reg, WithAdmin(admin))
	for _, body := range []string{`{"name":"movies"}`, `{"name":"movies","settings":{},"check":true}`, `nonsense`} {
		w := ask(b, "settings", body)
		require.Equal(t, http.StatusForbidden, w.Code)
		require.Contains(t, w.Body.String(), "operators only")
	}
	require.Len(t, *actions, 3)
	require.EqualError(t, (*actions)[0].Err, "operators only")
	require.Equal(t, 200, ask(b, "reset", `{"name":"movies"}`, "X-Operator", "kim").Code)
	require.Equal(t, quill.Closed, c.State())
}
