package fault

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sick(t *testing.T, f Faults) *httptest.Server {
	t.Helper()
	var s Switch
	s.Set(f)
	srv := httptest.NewServer(s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Service", "yes")
		_, _ = io.WriteString(w, `{"name":"well"}`)
	})))
	t.Cleanup(srv.Close)
	return srv
}

func get(t *testing.T, url string) (status int, body string, err error) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestHealthyPassesThrough(t *testing.T) {
	status, body, err := get(t, sick(t, Faults{}).URL)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"name":"well"}`, body)
}

func TestFailuresAreSpreadEvenly(t *testing.T) {
	srv := sick(t, Faults{FailPercent: 25})
	var statuses []int
	for range 8 {
		status, _, err := get(t, srv.URL)
		require.NoError(t, err)
		statuses = append(statuses, status)
	}
	require.Equal(t, []int{200, 200, 200, 500, 200, 200, 200, 500}, statuses)
}

func TestGarbageIsNoJSONAndHalfABodyBreaksOff(t *testing.T) {
	status, body, err := get(t, sick(t, Faults{Body: Garbage}).URL)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.False(t, json.Valid([]byte(body)))

	status, body, err = get(t, sick(t, Faults{Body: Half}).URL)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, 200, status)
	require.Equal(t, `{"name"`, body)
}

func TestSlowWaitsAndHealthIsStillClaimed(t *testing.T) {
	srv := sick(t, Faults{Slow: 80 * time.Millisecond, FailPercent: 100})
	start := time.Now()
	status, _, err := get(t, srv.URL)
	require.NoError(t, err)
	require.Equal(t, 500, status)
	require.GreaterOrEqual(t, time.Since(start), 80*time.Millisecond)

	status, _, err = get(t, srv.URL+"/healthz")
	require.NoError(t, err)
	require.Equal(t, 200, status)
}

func TestFaultsAreJSONAndChecked(t *testing.T) {
	f := Faults{Down: true, Slow: 1500 * time.Millisecond, FailPercent: 30, Body: Half}
	data, err := json.Marshal(f)
	require.NoError(t, err)
	require.JSONEq(t, `{"down":true,"slowMs":1500,"failPercent":30,"body":"half"}`, string(data))
	var back Faults
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, f, back)

	for bad, field := range map[string]string{
		`{"slowMs":30001}`: "slowMs", `{"slowMs":9223372036854775807}`: "slowMs", `{"slowMs":-1}`: "slowMs",
		`{"failPercent":101}`: "failPercent", `{"failPercent":-1}`: "failPercent", `{"body":"x"}`: "body",
	} {
		require.ErrorContains(t, json.Unmarshal([]byte(bad), &back), field+": must be", bad)
	}
}

func TestFaultsSayWhatIsWrong(t *testing.T) {
	require.Equal(t, "healthy", Faults{}.String())
	require.Equal(t, "down", Faults{Down: true, Slow: time.Second}.String())
	require.Equal(t, "slow by 3s, failing 20 %, half body", Faults{Slow: 3 * time.Second, FailPercent: 20, Body: Half}.String())
}
