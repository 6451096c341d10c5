package story

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteTable writes the rows for people: each lesson with what it teaches, a line for each
// variant, and what the figures bear out.
func WriteTable(w io.Writer, lessons []Lesson, rows []Row, verdicts []Verdict) error {
	for _, l := range lessons {
		var mine []Row
		for _, r := range rows {
			if r.Lesson == l.Number {
				mine = append(mine, r)
			}
		}
		if len(mine) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%d. %s\n%s\n\n", l.Number, l.Title, wrap(l.Teaches, 96)); err != nil {
			return err
		}
		if err := writeRows(w, mine); err != nil {
			return err
		}
		for _, v := range verdicts {
			if v.Lesson == l.Number {
				if _, err := fmt.Fprintln(w, v); err != nil {
					return err
				}
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", legend)
	return err
}

const legend = `requests: all that users sent; errors: what they saw of them (who gave up after 5 s included)
fresh, other (instance), stale, default: how the rest was answered; p50, p99: from the moment a request was due
others p99: of users who need nothing from what is sick
late p50: of users in the last 2.5 s of the illness; sick calls: calls sent to a sick instance
goroutines: of the whole process, load and services included, at the peak
opened: since it broke; recovered: since it healed, until all answers are fresh and quick`

func writeRows(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "broken\tprotected by\trequests\terrors\tfresh\tother\tstale\tdefault\t"+
		"p50\tp99\tothers p99\tlate p50\tsick calls\tgoroutines\topened\trecovered")
	for _, r := range rows {
		others := "-"
		if r.OtherRequests > 0 {
			others = r.OtherP99.String()
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n",
			r.Broken, r.Protects, r.Requests, r.Errors, r.Fresh, r.Failover, r.Stale, r.Default,
			r.P50, r.P99, others, r.LateP50, r.ReachedSick, r.PeakGoroutines, orDash(r.Opened), orDash(r.Recovered))
	}
	return t.Flush()
}

// String writes "12 ms" or "3.0 s".
func (m Millis) String() string {
	d := time.Duration(m)
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 10*time.Millisecond || d == 0:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	default:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
}

func orDash(m *Millis) string {
	if m == nil {
		return "-"
	}
	return m.String()
}

// wrap breaks text into lines of at most columns characters.
func wrap(text string, columns int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch n := len([]rune(word)); {
		case i == 0:
			column = n
		case column+1+n > columns:
			b.WriteByte('\n')
			column = n
		default:
			b.WriteByte(' ')
			column += 1 + n
		}
		b.WriteString(word)
	}
	return b.String()
}
