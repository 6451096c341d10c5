package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// aliveFile lists the mutants that lived when the table was last written, a line each: file,
// kind, column within the line without its indentation, and the line. What stands in other
// lines, above or below, does not matter; a mutant of a line that has changed is no longer
// listed.
const aliveFile = "internal/mutation/alive.tsv"

// aliveLines returns each mutant's line of the list.
func aliveLines(root string, mutants []*mutant) ([]string, error) {
	sources := map[string][]string{}
	lines := make([]string, len(mutants))
	for i, m := range mutants {
		if sources[m.File] == nil {
			text, err := os.ReadFile(filepath.Join(root, m.File))
			if err != nil {
				return nil, err
			}
			sources[m.File] = strings.Split(string(text), "\n")
		}
		if m.Line < 1 || m.Line > len(sources[m.File]) {
			return nil, fmt.Errorf("%s has no such line", m)
		}
		line := sources[m.File][m.Line-1]
		text := strings.TrimLeft(line, " \t")
		lines[i] = strings.Join([]string{m.File, m.Kind, strconv.Itoa(m.Column - (len(line) - len(text))), text}, "\t")
	}
	return lines, nil
}

// listedAlive returns those of the mutants that are listed.
func listedAlive(root string, mutants []*mutant) (listed []*mutant, err error) {
	text, err := os.ReadFile(filepath.Join(root, aliveFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	lines, problem := aliveLines(root, mutants)
	if err := errors.Join(err, problem); err != nil {
		return nil, err
	}
	list := strings.Split(string(text), "\n")
	for i, line := range lines {
		if slices.Contains(list, line) {
			listed = append(listed, mutants[i])
		}
	}
	return listed, nil
}

// writeAlive writes the list.
func writeAlive(root string, mutants []*mutant) error {
	alive := slices.DeleteFunc(slices.Clone(mutants), func(m *mutant) bool { return m.Verdict != lived })
	lines, err := aliveLines(root, alive)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, aliveFile), []byte(strings.Join(append(lines, ""), "\n")), 0o644) //nolint:gosec // a source
}
