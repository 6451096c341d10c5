package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// digits shows a figure with three digits that count.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1000:
		return Number(int64(math.Round(v)))
	case a >= 100, v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// Number shows a whole number with its thousands apart.
func Number(n int64) string {
	if n < 0 {
		return "-" + Number(-n)
	}
	s := strconv.FormatInt(n, 10)
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), ",")
}
