package quillprom_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/quillprom"
)

var descText = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

// described are the labels of every metric by its name.
func described(c *quillprom.Collector) map[string][]string {
	ch := make(chan *prometheus.Desc)
	go func() {
		defer close(ch)
		c.Describe(ch)
	}()
	all := map[string][]string{}
	for d := range ch {
		m := descText.FindStringSubmatch(d.String())
		all[m[1]] = strings.Split(m[2], ",")
	}
	return all
}

var (
	tableRow = regexp.MustCompile("(?m)^\\| `(hystrix_[a-z_]+)` \\| ([^|]*)\\|")
	codeWord = regexp.MustCompile("`([^`]+)`")
)

func TestPageListsEveryMetricWithItsLabels(t *testing.T) {
	page, err := os.ReadFile("../docs/observability.md")
	require.NoError(t, err)
	listed := map[string][]string{}
	for _, m := range tableRow.FindAllStringSubmatch(string(page), -1) {
		var labels []string
		for _, l := range codeWord.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		if !slices.Contains(labels, "pool_name") && !slices.Contains(labels, "bulkhead_name") && m[1] != "hystrix_commands" {
			labels = append([]string{"command_group", "command_name"}, labels...)
		}
		listed[m[1]] = labels
	}
	require.Equal(t, described(quillprom.New(nil, quillprom.Settings{})), listed)
}

func TestPageListsEveryAlert(t *testing.T) {
	page, err := os.ReadFile("../docs/observability.md")
	require.NoError(t, err)
	var listed, alerts []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(Hystrix[A-Za-z]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, m[1])
	}
	for _, r := range loadRules(t).Groups[0].Rules {
		if r.Alert != "" {
			alerts = append(alerts, r.Alert)
		}
	}
	require.Equal(t, alerts, listed)
}
