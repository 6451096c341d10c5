package quill

import "strings"

// nearestKeys says what an unknown JSON key should have been: the known key that it is
// within two typing errors or a matter of case of, else any of them.
func nearestKeys(key string) string {
	const tooFar = 3
	best, distance := "", tooFar
	all := make([]string, 0, len(settingsFields))
	for i := range settingsFields {
		known := settingsFields[i].key
		all = append(all, known)
		// What differs by tooFar in length alone needs no table.
		if n := len(key) - len(known); n >= tooFar || n <= -tooFar {
			continue
		}
		if d := typingErrors(strings.ToLower(key), strings.ToLower(known)); d < distance {
			best, distance = known, d
		}
	}
	if best != "" {
		return best
	}
	return "one of " + strings.Join(all, ", ")
}

// typingErrors counts the bytes to insert, drop or replace that make b of a.
func typingErrors(a, b string) int {
	row := make([]int, len(b)+1) // of a's first i bytes against each prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
