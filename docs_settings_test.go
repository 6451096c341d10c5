package quill_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// These tests hold the tables of settings in the pages against the settings themselves.

var settingsRow = regexp.MustCompile(`^\| \x60([A-Z]\w+)\x60 \| (.*) \|$`)

// settingsRows returns, for each row that begins with a field of Settings, its further
// cells. A page may have several tables; each must name every field once, in order.
func settingsRows(t *testing.T, page string) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	var order []string
	for line := range strings.Lines(treeText(t, page)) {
		m := settingsRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if _, ok := reflect.TypeFor[quill.Settings]().FieldByName(m[1]); !ok {
			continue
		}
		require.NotContains(t, rows, m[1], "%s has two rows", page)
		var cells []string
		for cell := range strings.SplitSeq(m[2], " | ") {
			cells = append(cells, strings.Trim(strings.TrimSpace(cell), "`"))
		}
		rows[m[1]], order = cells, append(order, m[1])
	}
	var fields []string
	for field := range reflect.TypeFor[quill.Settings]().Fields() {
		fields = append(fields, field.Name)
	}
	require.Equal(t, fields, order, "%s: the rows, in the order of Settings", page)
	return rows
}

// defaults are the defaults as an operator would write them.
func defaults(t *testing.T) map[string]string {
	t.Helper()
	text, err := json.Marshal(quill.Settings{}.WithDefaults())
	require.NoError(t, err)
	var byKey map[string]any
	require.NoError(t, json.Unmarshal(text, &byKey))
	all := map[string]string{}
	for field := range reflect.TypeFor[quill.Settings]().Fields() {
		value, ok := byKey[jsonKey(field)]
		switch {
		case ok:
			b, err := json.Marshal(value)
			require.NoError(t, err)
			all[field.Name] = strings.Trim(string(b), `"`)
		case field.Type == reflect.TypeFor[quill.Isolation]():
			all[field.Name] = quill.Isolation(0).String()
		case field.Type == reflect.TypeFor[quill.Override]():
			all[field.Name] = quill.Override(0).String()
		case field.Type.Kind() == reflect.Bool:
			all[field.Name] = "false"
		default:
			all[field.Name] = "0"
		}
	}
	return all
}

func jsonKey(field reflect.StructField) string {
	key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return key
}

// allowed is what a bad value of the field is told that it must be.
func allowed(t *testing.T, field reflect.StructField) string {
	t.Helper()
	var s quill.Settings
	v := reflect.ValueOf(&s).Elem().FieldByIndex(field.Index)
	switch field.Type.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		v.SetFloat(-7)
	case reflect.Uint8:
		v.SetUint(77)
	default:
		v.SetInt(-7)
	}
	var e *quill.SettingsError
	require.ErrorAs(t, s.Validate(), &e)
	require.Equal(t, field.Name, e.Problems[0].Field)
	return e.Problems[0].Allowed
}

func TestConfigurationPageHasEachFieldWithKeyRangeAndDefault(t *testing.T) {
	rows, want := settingsRows(t, "docs/configuration.md"), defaults(t)
	for field := range reflect.TypeFor[quill.Settings]().Fields() {
		cells := rows[field.Name]
		require.Len(t, cells, 4, field.Name)
		require.Equal(t, jsonKey(field), cells[0], field.Name)
		require.Equal(t, allowed(t, field), cells[1], field.Name)
		require.Equal(t, want[field.Name], cells[2], field.Name)
	}
}

func TestSemanticsPageHasEveryDefault(t *testing.T) {
	rows, want := settingsRows(t, "docs/semantics.md"), defaults(t)
	for name, cells := range rows {
		require.Equal(t, want[name], cells[0], name)
	}
}
