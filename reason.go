package quill

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// reasonFor says in words why the breaker moved.
func reasonFor(m change, cfg *config, b *breaker, h *Health, detail string) string {
	switch m.why {
	case tooManyErrors:
		return fmt.Sprintf("opened for %s: %s (%s, threshold %s) in the last %s",
			short(b.slept), h.failedInWords(), percent(h.ErrorPercent), percent(cfg.ErrorPercentThreshold), cfg.span())
	case tooManySlow:
		return fmt.Sprintf("opened for %s: %d of %d calls took %s or longer (%s, threshold %s) in the last %s",
			short(b.slept), h.Slow, h.Requests, short(cfg.SlowCallDuration),
			percent(h.SlowPercent), percent(cfg.SlowCallPercentThreshold), cfg.span())
	case sleepOver:
		return fmt.Sprintf("half-open: the sleep window of %s is over, %s may go", short(b.slept), count(cfg.Probes, "probe"))
	case probesSucceeded:
		return fmt.Sprintf("closed: %s succeeded", count(cfg.Probes, "probe"))
	case probesIgnored:
		return fmt.Sprintf("closed: %s in a row were the callers' own fault, so the dependency answers",
			count(ignoredProbesToClose, "probe"))
	case probeFailed:
		return fmt.Sprintf("opened again for %s: a probe %s", short(b.slept), detail)
	case resetByHand:
		return "closed: reset by hand"
	case takenBack:
		return "closed: the opening was taken back"
	case unmoved:
	}
	return ""
}

// probeDetail says how a probe went wrong.
func (c *Circuit) probeDetail(o Outcome, slow bool, err error) string {
	switch {
	case o == Timeout:
		return "timed out"
	case o == Success && slow:
		return "succeeded, but was slow"
	case err != nil:
		return `failed: "` + c.evidenceText(err) + `"`
	}
	return "failed"
}

// oneLine keeps a foreign text to a length that fits a line, and to one line: what cannot
// be printed is escaped. Quotes and backslashes stay as they are, for people read this.
func oneLine(s string) string {
	const most = 200
	quoted := strconv.Quote(cut(s, most))
	return unescape.Replace(quoted[1 : len(quoted)-1])
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

func (cfg *config) span() string {
	if cfg.RollingCalls > 0 {
		return count(cfg.RollingCalls, "call")
	}
	return short(cfg.RollingWindow)
}

func percent(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) + " %" }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// short writes a duration without the noise of its last digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(100 * time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(time.Millisecond)
	}
	return d.String()
}

func suffix(sep, s string) string {
	if s == "" {
		return ""
	}
	return sep + s
}
