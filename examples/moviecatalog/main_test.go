package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The warm workers of quill's pools go by themselves after a while.
func TestMain(m *testing.M) {
	_ = os.Unsetenv("TMDB_TOKEN")
	_ = os.Unsetenv("TMDB_API_KEY")
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/seed-f7c3343e/quill.(*worker).loop"))
}

// freePorts makes every instance take a free port.
func freePorts() []string {
	var args []string
	for _, p := range ports {
		args = append(args, "-"+p.flag+"=127.0.0.1:0")
	}
	return args
}

// program is the program while it runs.
type program struct {
	lines  []string // what it has said up to the line that was waited for
	cancel context.CancelFunc
	code   chan int
	out    *bufio.Scanner
}

// start runs the program and reads what it says up to the line that has until in it.
func start(t *testing.T, until string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	p := &program{cancel: cancel, code: make(chan int, 1), out: bufio.NewScanner(r)}
	go func() {
		code := run(ctx, args, w, io.Discard)
		_ = w.Close()
		p.code <- code
	}()
	for p.out.Scan() {
		p.lines = append(p.lines, p.out.Text())
		if strings.Contains(p.out.Text(), until) {
			return p
		}
	}
	t.Fatalf("it ended with code %d, having said %q", <-p.code, p.lines)
	return nil
}

// end is Ctrl-C; it returns the exit code.
func (p *program) end() int {
	p.cancel()
	for p.out.Scan() {
		p.lines = append(p.lines, p.out.Text())
	}
	return <-p.code
}

// url finds the URL in the line that begins with name.
func (p *program) url(t *testing.T, name string) string {
	t.Helper()
	for _, l := range p.lines {
		if fields := strings.Fields(l); len(fields) > 1 && fields[0] == name {
			i := strings.Index(l, "http")
			return strings.Fields(l[i:])[0]
		}
	}
	t.Fatalf("no line of %s in %q", name, p.lines)
	return ""
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestEverythingStartsServesAndEndsCleanly(t *testing.T) {
	p := start(t, "Ctrl-C", freePorts()...)
	require.Contains(t, p.lines[0], "a stand-in, because neither TMDB_TOKEN nor TMDB_API_KEY is set")
	for _, name := range []string{"movieinfo-1", "movieinfo-2", "ratings-1", "ratings-2", "catalog"} {
		code, body := get(t, p.url(t, name)+"/healthz")
		require.Equal(t, 200, code, name)
		require.JSONEq(t, `{"status":"ok"}`, body)
	}
	code, body := get(t, p.url(t, "catalog")+"/catalog/foo")
	require.Equal(t, 200, code)
	var items []map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &items))
	require.Len(t, items, 2)
	require.Equal(t, "Lock, Stock and Two Smoking Barrels", items[0]["name"])
	require.Len(t, items[0], 3, "name, desc and rating")

	code, body = get(t, p.url(t, "Make"))
	require.Equal(t, 200, code)
	require.Contains(t, body, "<title>Movie catalog")
	require.Zero(t, p.end())
	require.Equal(t, "ending ...", p.lines[len(p.lines)-1])
}

func TestTakenPortNamesTheFlagThatMovesIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	for _, p := range ports {
		var stderr bytes.Buffer
		args := append(freePorts(), "-"+p.flag+"="+l.Addr().String())
		require.Equal(t, 1, run(t.Context(), args, io.Discard, &stderr), p.flag)
		require.Contains(t, stderr.String(), "port "+port+", on which "+p.instance+" should serve, is taken")
		require.Contains(t, stderr.String(), "-"+p.flag+" localhost:PORT")
	}
	var stderr bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{"serve", "-only", "ratings", "-host", "127.0.0.1", "-port", port}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), "-port PORT")
}

func TestWrongCommandLinesAreToldInASentence(t *testing.T) {
	for args, says := range map[string]string{
		"play":                           `unknown argument "play"`,
		"-nonsense":                      "not defined",
		"-traffic 1000":                  `invalid value "1000" for flag -traffic: must be 0 to 200`,
		"-traffic -1":                    "must be 0 to 200",
		"-traffic NaN":                   "must be 0 to 200",
		"serve":                          "must be catalog, movieinfo, ratings or tmdb",
		"serve -only x":                  "must be catalog, movieinfo, ratings or tmdb",
		"serve -only ratings -port -5":   `invalid value "-5" for flag -port: must be 0`,
		"serve -only catalog -ratings ,": "at least one URL",
		"serve -only catalog -movieinfo localhost:9":           `-movieinfo "localhost:9": must be http://HOST:PORT`,
		"serve -only catalog -ratings http://local%20host":     `-ratings "http://local%20host": must be http://HOST:PORT`,
		"serve -only catalog -ratings http://a:1,http://":      `-ratings "http:/": must be`,
		"serve -only catalog -ratings http://a:99999":          "the port must be 1 to 65535",
		"serve -only catalog -ratings http://a/?b":             `must be http://HOST:PORT`,
		"serve -only ratings -movieinfo http://localhost:8082": "-movieinfo is a flag of -only catalog and none of -only ratings",
		"serve -only catalog -tmdb-url http://localhost:8084":  "-tmdb-url is a flag of -only movieinfo",
		"serve -only movieinfo -tmdb-url nowhere":              "must look like",
		"-tmdb-url nowhere":                                    "must look like",
		"story -lesson 8":                                      "lessons 1 to 7",
		"story -error-percent 101":                             "ErrorPercentThreshold",
	} {
		var stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), strings.Fields(args), io.Discard, &stderr), args)
		require.Contains(t, stderr.String(), says, args)
	}
	for _, args := range [][]string{{"-h"}, {"serve", "-h"}} {
		var help bytes.Buffer
		require.Zero(t, run(t.Context(), args, io.Discard, &help))
		require.NotContains(t, help.String(), "default -1")
	}
	var stderr bytes.Buffer
	require.Equal(t, 2, run(t.Context(), []string{"serve", "-only", "catalog", "-ratings", "http://local host"}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), `-ratings "http://local host": must be http://HOST:PORT`)
}

func TestOneServiceRunsAsAProcessOfItsOwn(t *testing.T) {
	movieInfo := start(t, "serves on", "serve", "-only", "movieinfo", "-host", "127.0.0.1", "-port", "0")
	ratings := start(t, "serves on", "serve", "-only", "ratings", "-host", "127.0.0.1", "-port", "0")
	require.Contains(t, movieInfo.lines[0], "a stand-in")
	catalog := start(t, "serves on", "serve", "-only", "catalog", "-host", "127.0.0.1", "-port", "0",
		"-movieinfo", "http://127.0.0.1:1,"+movieInfo.url(t, "movieinfo"), "-ratings", ratings.url(t, "ratings")+"/")
	code, body := get(t, catalog.url(t, "catalog")+"/catalog/bob")
	require.Equal(t, 200, code)
	require.Contains(t, body, "The Godfather", "the second movie-info has answered")

	require.Zero(t, movieInfo.end())
	code, body = get(t, catalog.url(t, "catalog")+"/catalog/alice")
	require.Equal(t, 200, code)
	require.Contains(t, body, "(name not available)")
	require.Zero(t, catalog.end())
	require.Zero(t, ratings.end())
}

func TestWhichMovieDatabaseIsAskedIsSaidFirst(t *testing.T) {
	db := start(t, "serves on", "serve", "-only", "tmdb", "-host", "127.0.0.1", "-port", "0")
	for _, c := range []struct{ token, key, url, says string }{
		{"t", "k", "", "the real one at https://api.themoviedb.org, with the token of TMDB_TOKEN"},
		{"", "k", "", "the real one at https://api.themoviedb.org, with the key of TMDB_API_KEY"},
		{"", "k", db.url(t, "tmdb"), "-tmdb-url), with the key of TMDB_API_KEY"},
		{"", "", db.url(t, "tmdb"), "without a key"},
	} {
		t.Setenv("TMDB_TOKEN", c.token)
		t.Setenv("TMDB_API_KEY", c.key)
		args := freePorts()
		if c.url != "" {
			args = append(args, "-tmdb-url", c.url)
		}
		p := start(t, "Ctrl-C", args...)
		require.Contains(t, p.lines[0], c.says)
		for _, l := range p.lines {
			require.NotContains(t, l, "  tmdb ", "no stand-in is started")
		}
		if c.url != "" {
			code, body := get(t, p.url(t, "catalog")+"/catalog/alice")
			require.Equal(t, 200, code)
			require.Contains(t, body, "Fight Club")
		}
		require.Zero(t, p.end())
	}
	require.Zero(t, db.end())
}

func TestStoryPrintsPureJSONAndWritesItsReport(t *testing.T) {
	report := filepath.Join(t.TempDir(), "report.html")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"story", "-lesson", "7", "-json", "-report", report}, &stdout, &stderr)
	require.Zero(t, code, stderr.String())
	var out struct{ Lessons []struct{ Name string } }
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &out))
	require.Len(t, out.Lessons, 2)
	require.Equal(t, "7-inner-proxy", out.Lessons[0].Name)
	require.Contains(t, stderr.String(), "[ 1/2]  4 s left  lesson 7")
	page, err := os.ReadFile(report)
	require.NoError(t, err)
	require.Contains(t, string(page[:100]), "<!doctype html>")
}

func TestReportThatCannotBeWrittenIsToldBeforeTheStoryIsPlayed(t *testing.T) {
	var stdout, stderr bytes.Buffer
	report := filepath.Join(t.TempDir(), "missing", "report.html")
	require.Equal(t, 1, run(t.Context(), []string{"story", "-report", report}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "-report: ")
	require.NotContains(t, stderr.String(), "lesson 1")
	require.Empty(t, stdout.String())
}

func TestStoryThatIsEndedEarlySaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	require.Equal(t, 1, run(ctx, []string{"story", "-lesson", "7"}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), "ended before its end")
}
