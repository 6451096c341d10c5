package quill_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// These tests keep the pages true: Go code in them is code that the tests run, and links
// lead somewhere.

// fence is a fenced block of a Markdown page.
type fence struct {
	page string
	line int // of its opening fence
	lang string
	text string
}

// fences returns the fenced blocks of a page, and the page without them.
func fences(page, text string) (blocks []fence, prose string) {
	var open *fence
	var rest strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		trimmed := strings.TrimSpace(line)
		switch {
		case open == nil && strings.HasPrefix(trimmed, "```"):
			lang, _, _ := strings.Cut(strings.TrimPrefix(trimmed, "```"), " ")
			open = &fence{page: page, line: n, lang: lang}
		case open != nil && trimmed == "```":
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line
		default:
			rest.WriteString(line)
		}
	}
	return blocks, rest.String()
}

// code is Go code in one form, whatever its indentation, blank lines and alignment were.
// Without comments it is the same for a page in another language.
type code struct{ full, bare string }

// statements normalizes a list of statements, or fails if it is none.
func statements(text string) (code, error) {
	const head, tail = "package p\nfunc _() {\n", "\n}\n"
	return normalize(head+text+tail, func(formatted string) string {
		body := formatted[strings.Index(formatted, "{\n")+2 : strings.LastIndex(formatted, "}")]
		return strings.ReplaceAll("\n"+body, "\n\t", "\n")
	})
}

// declarations normalizes a list of top-level declarations, or fails if it is none.
func declarations(text string) (code, error) {
	return normalize("package p\n"+text, func(formatted string) string {
		_, decls, _ := strings.Cut(formatted, "\n")
		return decls
	})
}

// program normalizes a whole file, or fails if it is none.
func program(text string) (code, error) {
	return normalize(text, func(formatted string) string { return formatted })
}

func normalize(source string, body func(formatted string) string) (code, error) {
	full, err := format.Source([]byte(source))
	if err != nil {
		return code{}, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, parser.SkipObjectResolution)
	if err != nil {
		return code{}, err
	}
	var bare bytes.Buffer
	if err := format.Node(&bare, fset, file); err != nil {
		return code{}, err
	}
	return code{full: plain(body(string(full))), bare: plain(body(bare.String()))}, nil
}

// plain drops blank lines, and the spaces with which gofmt aligns what follows.
func plain(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		content := strings.TrimLeft(line, "\t")
		words := strings.Fields(content)
		if len(words) > 0 {
			fmt.Fprintf(&b, "%s%s\n", line[:len(line)-len(content)], strings.Join(words, " "))
		}
	}
	return b.String()
}

// holds reports whether part is a run of whole lines of c.
func (c code) holds(part code, bare bool) bool {
	whole, some := c.full, part.full
	if bare {
		whole, some = c.bare, part.bare
	}
	return some != "" && strings.Contains("\n"+whole, "\n"+some)
}

// runnable is what a page's Go code may consist of: the statements of an Example that the
// tests run, and the declarations of the file that it stands in; or a main.go beside which
// an example_test.go runs it.
func runnable(t *testing.T) []code {
	t.Helper()
	var all []code
	for _, name := range treeFiles(t, "main.go") {
		if _, err := os.Stat(filepath.Join(filepath.Dir(name), "example_test.go")); err == nil {
			c, err := program(treeText(t, name))
			require.NoError(t, err, name)
			all = append(all, c)
		}
	}
	for _, name := range treeFiles(t, "_test.go") {
		text := treeText(t, name)
		file := parseTree(t, name, text)
		found := false
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Example") {
				continue
			}
			body := text[f.Body.Lbrace-file.FileStart+1 : f.Body.Rbrace-file.FileStart]
			if !strings.Contains(strings.ToLower(body), "output:") {
				continue // compiled, never run
			}
			found = true
			c, err := statements(body)
			require.NoError(t, err, "%s: %s", name, f.Name.Name)
			all = append(all, c)
		}
		if found {
			c, err := declarations(text[file.Name.End()-file.FileStart:])
			require.NoError(t, err, name)
			all = append(all, c)
		}
	}
	return all
}

// TestEveryGoBlockIsAnExample: a fenced ```go block is the body of an Example, or a run of
// whole statements or declarations of its file; one that begins with its package clause is
// a program that an Example runs. Go code that must not run, such as a fault
// shown, is fenced as ```text. A page in another language may translate the comments.
func TestEveryGoBlockIsAnExample(t *testing.T) {
	examples := runnable(t)
	for _, page := range treeFiles(t, ".md") {
		blocks, _ := fences(page, treeText(t, page))
		translated := strings.Count(path.Base(page), ".") > 1 // README.ko.md
		for _, b := range blocks {
			if b.lang == "go" && !shown(examples, b.text, translated) {
				t.Errorf("%s:%d: this Go block is not part of any Example with an output:\n%s",
					b.page, b.line, b.text)
			}
		}
	}
}

func shown(examples []code, block string, bare bool) bool {
	var part code
	err := errors.New("not read yet")
	for _, read := range []func(text string) (code, error){statements, declarations, program} {
		if part, err = read(block); err == nil {
			break
		}
	}
	if err != nil {
		return false
	}
	for _, e := range examples {
		if e.holds(part, bare) {
			return true
		}
	}
	return false
}

var testName = regexp.MustCompile("`((?:Test|Example|Fuzz|Benchmark)[A-Z]\\w*)`")

// TestPagesNameTestsThatExist: a page that says which test proves a thing is held to it.
func TestPagesNameTestsThatExist(t *testing.T) {
	declared := make(map[string]bool)
	for _, name := range treeFiles(t, "_test.go") {
		for _, decl := range parseTree(t, name, treeText(t, name)).Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				declared[f.Name.Name] = true
			}
		}
	}
	for _, page := range treeFiles(t, ".md") {
		for _, m := range testName.FindAllStringSubmatch(treeText(t, page), -1) {
			if !declared[m[1]] {
				t.Errorf("%s: there is no test %s", page, m[1])
			}
		}
	}
}

var (
	inlineLink    = regexp.MustCompile(`\]\(<?([^()\s>]+)>?(?:\s+"[^"]*")?\)`)
	referenceLink = regexp.MustCompile(`(?m)^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?\s*$`)
	htmlLink      = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	inlineCode    = regexp.MustCompile("`[^`\n]*`")
)

func TestRelativeLinksOfPagesResolve(t *testing.T) {
	for _, page := range treeFiles(t, ".md") {
		_, prose := fences(page, treeText(t, page))
		prose = inlineCode.ReplaceAllString(prose, "code")
		for _, re := range []*regexp.Regexp{inlineLink, referenceLink, htmlLink} {
			for _, m := range re.FindAllStringSubmatch(prose, -1) {
				if problem := broken(t, page, m[1]); problem != "" {
					t.Errorf("%s: the link to %s: %s", page, m[1], problem)
				}
			}
		}
	}
}

// broken says what is wrong with a link of a page, or "". Links to other hosts are not
// followed.
func broken(t *testing.T, page, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme != "" || u.Host != "":
		return ""
	case strings.HasPrefix(u.Path, "/"):
		return "must be relative"
	}
	target := page
	if u.Path != "" {
		target = path.Join(path.Dir(page), u.Path)
	}
	if _, err := os.Stat(filepath.FromSlash(target)); err != nil {
		return "there is no " + target
	}
	if u.Fragment != "" && path.Ext(target) == ".md" && !anchors(t, target)[u.Fragment] {
		return target + " has no such heading"
	}
	return ""
}

var (
	heading    = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*#*\s*$`)
	namedPlace = regexp.MustCompile(`(?:id|name)="([^"]+)"`)
	linkText   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
)

// anchors are the names by which the headings of a page can be linked, as the forge makes
// them: lower case, spaces as hyphens, punctuation dropped, repeats numbered.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	_, prose := fences(page, treeText(t, page))
	names := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(prose, -1) {
		name := slug(linkText.ReplaceAllString(m[1], "$1"))
		for unique, n := name, 1; ; n++ {
			if !names[unique] {
				names[unique] = true
				break
			}
			unique = fmt.Sprintf("%s-%d", name, n)
		}
	}
	for _, m := range namedPlace.FindAllStringSubmatch(prose, -1) {
		names[m[1]] = true
	}
	return names
}

func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}
