package quillprom_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/seed-f7c3343e/quill/quillprom"
)

// dashboard is what is read of dashboards/grafana.json.
type dashboard struct {
	Title       string
	Panels      []panel
	Annotations struct{ List []struct{ Expr string } }
	Templating  struct {
		List []struct {
			Name       string
			Definition string
		}
	}
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ Expr string }
}

func loadDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("../dashboards/grafana.json")
	require.NoError(t, err)
	var d dashboard
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// variables are given values as Grafana does it, those of "All".
var variables = strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$group", ".*", "$command", ".*")

// expressions are all of a dashboard, by a name that tells where each is.
func (d *dashboard) expressions() map[string]string {
	all := map[string]string{}
	for _, p := range d.Panels {
		for i, target := range p.Targets {
			all[fmt.Sprintf("%s %d", p.Title, i)] = variables.Replace(target.Expr)
		}
	}
	for i, a := range d.Annotations.List {
		all[fmt.Sprintf("annotation %d", i)] = variables.Replace(a.Expr)
	}
	for _, v := range d.Templating.List {
		if inner, found := strings.CutPrefix(v.Definition, "label_values("); found {
			all["variable "+v.Name] = variables.Replace(inner[:strings.LastIndex(inner, ",")])
		}
	}
	return all
}

type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

func loadRules(t *testing.T) ruleFile {
	t.Helper()
	text, err := os.ReadFile("../dashboards/rules.yaml")
	require.NoError(t, err)
	var f ruleFile
	require.NoError(t, yaml.Unmarshal(text, &f))
	return f
}

// writeRules writes a file of rules and returns its directory.
func writeRules(t *testing.T, f ruleFile) string {
	t.Helper()
	dir := t.TempDir()
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "g", "rules": f.Groups[0].Rules}}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yaml"), text, 0o600))
	return dir
}

func TestEveryExpressionOfTheDashboardIsOneForPromtool(t *testing.T) {
	tool := promtool(t)
	d := loadDashboard(t)
	check := func(expressions map[string]string) (string, error) {
		f := ruleFile{Groups: make([]struct {
			Name  string
			Rules []rule
		}, 1)}
		n := 0
		for _, expr := range expressions {
			n++
			f.Groups[0].Rules = append(f.Groups[0].Rules, rule{Record: fmt.Sprintf("panel:%d", n), Expr: expr})
		}
		out, err := exec.CommandContext(t.Context(), tool, "check", "rules", filepath.Join(writeRules(t, f), "rules.yaml")).CombinedOutput()
		return string(out), err
	}
	all := d.expressions()
	require.Greater(t, len(all), 25)
	out, err := check(all)
	require.NoError(t, err, out)
	require.Contains(t, out, fmt.Sprintf("SUCCESS: %d rules found", len(all)))

	all["broken"] = "sum by (command_name (rate(hystrix_commands[1m]))"
	_, err = check(all)
	require.Error(t, err, "a broken one is found")
}

var (
	metricName = regexp.MustCompile(`\b(?:hystrix|command:hystrix|bulkhead:hystrix)_[a-z0-9_:]+`)
	labelUse   = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	byClause   = regexp.MustCompile(`(?:by|without|on|ignoring) \(([a-z_, ]+)\)`)
)

// Every metric and label that the dashboard and the rules speak of is one that the
// collector has, or that a rule records.
func TestDashboardAndRulesSpeakOfMetricsThatExist(t *testing.T) {
	metrics := described(quillprom.New(nil, quillprom.Settings{}))
	labels := []string{"job", "instance", "le"}
	for _, l := range metrics {
		labels = append(labels, l...)
	}
	d, f := loadDashboard(t), loadRules(t)
	all := d.expressions()
	recorded := map[string]bool{}
	for _, r := range f.Groups[0].Rules {
		all["rule "+r.Record+r.Alert] = r.Expr
		recorded[r.Record] = true
	}
	used := map[string]bool{}
	for where, expr := range all {
		for _, name := range metricName.FindAllString(expr, -1) {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			_, known := metrics[base]
			require.True(t, known || recorded[name], "%s: there is no metric %s", where, name)
			used[base] = true
		}
		for _, m := range labelUse.FindAllStringSubmatch(expr, -1) {
			require.Contains(t, labels, m[1], where)
		}
		for _, m := range byClause.FindAllStringSubmatch(expr, -1) {
			for l := range strings.SplitSeq(m[1], ",") {
				require.Contains(t, labels, strings.TrimSpace(l), where)
			}
		}
	}
	require.Greater(t, len(used), 20)
	for r := range recorded {
		require.True(t, r == "" || strings.Contains(r, ":"), "%s is no name of a recording rule", r)
	}
}

// A dashboard that nobody can draw here is at least laid out: no panel lies on another,
// and each says what it shows.
func TestDashboardIsLaidOut(t *testing.T) {
	d := loadDashboard(t)
	require.Greater(t, len(d.Panels), 15)
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range d.Panels {
		require.False(t, ids[p.ID], p.Title)
		ids[p.ID] = true
		require.NotEmpty(t, p.Title)
		require.True(t, p.Type == "row" || p.Description != "", "%s has no description", p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				require.Empty(t, taken[at], "%s lies on %s", p.Title, taken[at])
				taken[at] = p.Title
			}
		}
	}
}

// testRules runs our tests, those that speak of the name, on the rules.
func testRules(t *testing.T, tool string, f ruleFile, name string) (string, error) {
	t.Helper()
	text, err := os.ReadFile("../dashboards/rules_test.yaml")
	require.NoError(t, err)
	all := map[string]any{}
	require.NoError(t, yaml.Unmarshal(text, &all))
	tests := slices.DeleteFunc(all["tests"].([]any), func(test any) bool {
		text, err := yaml.Marshal(test)
		require.NoError(t, err)
		return !strings.Contains(string(text), name)
	})
	require.NotEmpty(t, tests, "no test speaks of %s", name)
	all["tests"] = tests
	text, err = yaml.Marshal(all)
	require.NoError(t, err)
	path := filepath.Join(writeRules(t, f), "rules_test.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	out, err := exec.CommandContext(t.Context(), tool, "test", "rules", path).CombinedOutput()
	return string(out), err
}

// Each rule is broken in each of these ways, and promtool's tests must see it.
var breakings = []struct {
	name   string
	broken func(r *rule) bool // false: it does not apply
}{
	{"gone", func(r *rule) bool { r.Expr = "vector(1) > 2"; return true }},
	{"twice", func(r *rule) bool {
		if r.Record != "" {
			r.Expr = "(" + r.Expr + ") * 1.2"
		}
		return r.Record != ""
	}},
	{"the other way round", func(r *rule) bool {
		turned := strings.NewReplacer(">=", "<", "> ", "<= ").Replace(r.Expr)
		if r.Record != "" || turned == r.Expr {
			return false
		}
		r.Expr = turned
		return true
	}},
	{"at once", func(r *rule) bool {
		was := r.For
		r.For = ""
		return was != ""
	}},
	{"too late", func(r *rule) bool {
		r.For = "3h"
		return r.Alert != ""
	}},
	{"without its labels", func(r *rule) bool {
		r.Labels = nil
		return r.Alert != ""
	}},
}

var number = regexp.MustCompile(`>=? ([0-9.]+)`)

// thresholds returns the rule with each of the numbers that it compares with made larger
// and smaller, one at a time; 0 is left alone.
func thresholds(r rule) (all []rule) {
	for _, at := range number.FindAllStringSubmatchIndex(r.Expr, -1) {
		v, err := strconv.ParseFloat(r.Expr[at[2]:at[3]], 64)
		if err != nil || v == 0 {
			continue
		}
		for _, by := range []float64{0.6, 1.8} {
			moved := r
			moved.Expr = r.Expr[:at[2]] + fmt.Sprint(v*by) + r.Expr[at[3]:]
			all = append(all, moved)
		}
	}
	return all
}

func TestRulesAreTestedAndTheTestsGoRedWhenOneIsBroken(t *testing.T) {
	tool := promtool(t)
	out, err := testRules(t, tool, loadRules(t), "")
	require.NoError(t, err, out)
	tried := 0
	for i, sound := range loadRules(t).Groups[0].Rules {
		name := sound.Record + sound.Alert
		var broken []rule
		for _, b := range breakings {
			r := sound
			if b.broken(&r) {
				broken = append(broken, r)
			}
		}
		if sound.Alert != "" {
			broken = append(broken, thresholds(sound)...)
		}
		for _, r := range broken {
			f := loadRules(t)
			f.Groups[0].Rules[i] = r
			out, err := testRules(t, tool, f, name)
			require.Error(t, err, "%s: no test sees that it is now\n%s\nfor: %s\n%s", name, r.Expr, r.For, out)
			tried++
		}
	}
	require.Greater(t, tried, 70)
}
