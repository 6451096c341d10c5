package quill_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

const nameRule = "1 to 200 bytes of printable UTF-8 text with no space at either end"

func TestNamesOfAnyScriptAreFine(t *testing.T) {
	for _, name := range []string{
		"a", "movie-info", "GET /movies/{id}", "<script>alert(1)</script>", "영화 정보", "映画", "naïve café", "a  b",
		`quo"ted`, "100%", "🎬", "\ufffd", strings.Repeat("x", 200), strings.Repeat("영", 66) + "ab",
	} {
		require.NoError(t, quill.CheckName(name), "%q", name)
	}
}

func TestBadNamesAreQuotedWithWhatIsWrongAndWhatIsAllowed(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"", `name "" is empty`},
		{" a", `name " a" begins with a space`},
		{"a ", `name "a " ends with a space`},
		{" ", `name " " begins with a space`},
		{"a\nb", `name "a\nb" has the unprintable character U+000A at byte 1`},
		{"\x00", `name "\x00" has the unprintable character U+0000 at byte 0`},
		{"a\u00a0", `name "a\u00a0" has the unprintable character U+00A0 at byte 1`},
		{"a\u2028b", `name "a\u2028b" has the unprintable character U+2028 at byte 1`},
		{"abc\u202edef", `name "abc\u202edef" has the unprintable character U+202E at byte 3`},
		{"\ufeffa", `name "\ufeffa" has the unprintable character U+FEFF at byte 0`},
		{"ab\xff", `name "ab\xff" is not valid UTF-8 at byte 2`},
		{"\xed\xa0\x80", `name "\xed\xa0\x80" is not valid UTF-8 at byte 0`},
		{strings.Repeat("\x80", 70), `name "` + strings.Repeat(`\x80`, 56) + `…" is not valid UTF-8 at byte 0`},
		{strings.Repeat("x", 201), `name "` + strings.Repeat("x", 60) + `…" has 201 bytes`},
		{"a" + strings.Repeat("영", 100), `name "a` + strings.Repeat("영", 19) + `…" has 301 bytes`},
	} {
		require.EqualError(t, quill.CheckName(tc.name), "quill: "+tc.want+": must be "+nameRule)
	}
}

func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{"", "a", " a", "a ", "a\nb", "영화", "\xff", "<script>", strings.Repeat("x", 201), "\u2028", "\ufffd"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		fine := len(name) >= 1 && len(name) <= 200 && utf8.ValidString(name) && strings.TrimSpace(name) == name &&
			!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
		err := quill.CheckName(name)
		require.Equal(t, fine, err == nil, "%v", err)
		if err != nil {
			require.Less(t, len(err.Error()), 500)
			require.Contains(t, err.Error(), nameRule)
			require.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }), "%q", err)
		}
	})
}
