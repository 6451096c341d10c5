package lastgood

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeyKeepsPartsApart(t *testing.T) {
	lists := [][]string{
		nil,
		{""},
		{"", ""},
		{"ab", "c"},
		{"a", "bc"},
		{"abc"},
		{"a", "b", "c"},
		{"c", "ab"},
		{"1:a"},
		{"a", ""},
		{"", "a"},
		{"a"},
		{"1:a", "1:b"},
		{"a1:b"},
		{"1:a1:b"},
		{strings.Repeat("x", 1000)},
		{strings.Repeat("x", 999), "x"},
		{"\x00"},
		{"\xff", "é"},
	}
	seen := map[string][]string{}
	for _, l := range lists {
		k := Key(l...)
		require.NotContains(t, seen, k, "%q and %q share a key", l, seen[k])
		seen[k] = l
	}
	require.Empty(t, Key(), "no parts: not stored")
	require.NotEmpty(t, Key(""), "an empty part is a part")
}

// FuzzKey cuts two strings at two places each: equal keys only for equal lists (F2).
func FuzzKey(f *testing.F) {
	f.Add("tenant", "user", uint8(2), uint8(3), true)
	f.Add("ab", "abc", uint8(1), uint8(2), false)
	f.Add("1:a1:b", "a", uint8(3), uint8(0), false)
	f.Fuzz(func(t *testing.T, a, b string, i, j uint8, nest bool) {
		lists := [][]string{cut(a, i), cut(a, j), cut(b, i), cut(b, j), {a, b}, {b, a}, {a + b}}
		if nest { // a key inside a key must not be taken for its parts
			for _, l := range lists[:4] {
				lists = append(lists, []string{Key(l...)}, append([]string{Key(l...)}, l...))
			}
		}
		for x, p := range lists {
			for _, q := range lists[x+1:] {
				if (Key(p...) == Key(q...)) != slices.Equal(p, q) {
					t.Fatalf("%q and %q: keys %q and %q", p, q, Key(p...), Key(q...))
				}
			}
		}
	})
}

func cut(s string, at uint8) []string {
	n := min(int(at), len(s))
	return []string{s[:n], s[n:]}
}
