package quill

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTableOfFieldsIsTheStruct(t *testing.T) {
	typ := reflect.TypeFor[Settings]()
	require.Equal(t, numFields, typ.NumField())
	for i := range settingsFields {
		f, sf := &settingsFields[i], typ.Field(i)
		require.Equal(t, sf.Name, f.name)
		require.Equal(t, f.key+",omitempty", sf.Tag.Get("json"))

		var s Settings
		at := reflect.ValueOf(f.at(&s))
		require.Equal(t, reflect.ValueOf(&s).Elem().Field(i).Addr().Pointer(), at.Pointer(), "%s points elsewhere", f.name)
		f.set(&s, f.high)
		require.Equal(t, f.high, f.get(&s), f.name)
	}
}

// The comments of the struct are the documentation, so they must not part from the table.
func TestTheCommentsOfSettingsTellTheTable(t *testing.T) {
	file, err := parser.ParseFile(gotoken.NewFileSet(), "settings.go", nil, parser.ParseComments)
	require.NoError(t, err)
	docs := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == "Settings" {
			for _, f := range spec.Type.(*ast.StructType).Fields.List {
				docs[f.Names[0].Name] = strings.Join(strings.Fields(strings.ReplaceAll(f.Doc.Text(), ",", "")), " ")
			}
		}
		return true
	})
	for i := range settingsFields {
		f := &settingsFields[i]
		doc := docs[f.name]
		require.NotEmpty(t, doc, f.name)
		if f.kind == flagKind || f.kind == wordKind {
			continue
		}
		ranged := strings.ReplaceAll(strings.TrimSuffix(f.allowed(), ", or "+f.special), ",", "")
		if i == maxSleepWindowField {
			ranged = "SleepWindow to 24h"
		}
		require.Contains(t, strings.ReplaceAll(doc, " (default)", ""), ranged, f.name)
		if f.special != "" {
			require.Regexp(t, "or (NoTimeout|Unlimited)", doc, f.name)
		}
		if f.def != 0 && i != probeLeaseField {
			var s Settings
			f.set(&s, f.def)
			text := regexp.QuoteMeta(f.text(&s))
			require.Regexp(t, "default "+text+`\b|\b`+text+` \(default\)`, doc, f.name)
		}
	}
}

// So that the window can be cut into its buckets without a check of its own.
func TestTheShortestWindowInTheMostBucketsHasBucketsOfAMillisecond(t *testing.T) {
	window, buckets := settingsFields[rollingWindowField], settingsFields[rollingBucketsField]
	require.GreaterOrEqual(t, window.low/buckets.high, millisecond)
}

func TestTypingErrorsAreCounted(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"timeout", "timeout", 0},
		{"timout", "timeout", 1},
		{"timeuot", "timeout", 2},
		{"kitten", "sitting", 3},
		{"probes", "xprobes", 1},
	} {
		require.Equal(t, tc.want, typingErrors(tc.a, tc.b), "%q %q", tc.a, tc.b)
		require.Equal(t, tc.want, typingErrors(tc.b, tc.a), "%q %q", tc.b, tc.a)
	}
}
