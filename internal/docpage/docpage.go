// Package docpage puts what programs find out into pages that people write.
package docpage

import (
	"fmt"
	"os"
	"strings"
)

// Marks are the lines of a page between which a section stands that a program writes.
type Marks struct{ Begin, End string }

// Write replaces the section of the page in a file.
func (m Marks) Write(path, section string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := m.Replace(string(page), section)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o600) // a page that is there stays readable for all
}

// Replace returns the page with another section, or an error if it lacks a mark.
func (m Marks) Replace(page, section string) (string, error) {
	before, rest, begun := strings.Cut(page, m.Begin+"\n")
	_, after, ended := strings.Cut(rest, m.End+"\n")
	if !begun || !ended {
		return "", fmt.Errorf("the page has no lines %q and %q", m.Begin, m.End)
	}
	return before + m.Begin + "\n" + section + m.End + "\n" + after, nil
}
