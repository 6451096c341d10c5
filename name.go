package quill

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes keeps names fit for metric labels, log lines and dashboards.
const maxNameBytes = 200

const nameAllowed = "1 to 200 bytes of printable UTF-8 text with no space at either end"

// CheckName returns nil if name can be the name of a circuit: 1 to 200 bytes of valid
// UTF-8, every character printable ([unicode.IsPrint]; the ordinary space is, within the
// name), no space at either end. The error quotes the name, cut if it is long, and says
// what is wrong and what is allowed. Any script is allowed, and so are characters that are
// special in HTML, JSON or labels: whatever displays names escapes them.
func CheckName(name string) error {
	fault := nameFault(name)
	if fault == "" {
		return nil
	}
	return fmt.Errorf("quill: name %s %s: must be %s",
		strconv.Quote(shorten(name)), fault, nameAllowed)
}

// nameFault says what is wrong with a name, "" if nothing.
func nameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxNameBytes:
		return "has " + strconv.Itoa(len(name)) + " bytes"
	case name[0] == ' ':
		return "begins with a space"
	case name[len(name)-1] == ' ':
		return "ends with a space"
	}
	for i, r := range name {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(name[i:]); size == 1 {
				return "is not valid UTF-8 at byte " + strconv.Itoa(i)
			}
		}
		if !unicode.IsPrint(r) {
			return fmt.Sprintf("has the unprintable character %U at byte %d", r, i)
		}
	}
	return ""
}

// shownBytes is how much of somebody else's text goes into a message.
const shownBytes = 60

// shorten cuts text that is too long for a message.
func shorten(text string) string { return cut(text, shownBytes) }

// cut cuts text after at most so many bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// shown makes text fit for one line of a message: cut if long, and quoted if it is not a
// plain word, so that nobody mistakes where it ends.
func shown(text string) string {
	text = shorten(text)
	plain := text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if plain {
		return text
	}
	return strconv.Quote(text)
}
