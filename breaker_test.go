package quill

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The breaker is tested by transcripts: testdata/breaker/*.txt hold what is done to the
// machine and, below "----", what it did. A block ends at an empty line. The commands:
//
//	rules volume=4 errors=50 slow=0 sleep=5s max=0s jitter=0 probes=1 lease=5s   what is not named stays
//	at 7s | after 2s                        set the time, or let it pass
//	call NAME                               ask for a call to be let through
//	judge requests=4 errors=2 slow=0        hold a window against the thresholds after a result
//	settle NAME good|bad|ignored|nothing    the result of a probe
//	reset                                   close by hand
//	show                                    the whole state
//
// judge and settle also take random=0.5 (what the jitter draws) and hint=30s (Retry-After).
// Run with -update to write anew what the machine does.
var update = flag.Bool("update", false, "rewrite testdata/breaker/*.txt")

func TestBreakerTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/breaker/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	seen := map[string]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			p := newPlayer(seen)
			got := p.play(t, string(text))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
				return
			}
			require.Equal(t, string(text), got)
		})
	}
	require.Subset(t, seen, allTransitions, "a row of the transition table is in no transcript")
}

// allTransitions are the rows of the transition table in breaker.go, as the player notes them.
var allTransitions = map[string]bool{
	"closed judged: closed":        true,
	"closed judged: open":          true,
	"open call: refused open":      true,
	"open call: probe half-open":   true,
	"half-open call: probe":        true,
	"half-open call: refused":      true,
	"half-open lease over: place":  true,
	"half-open lease over: late":   true,
	"half-open good: half-open":    true,
	"half-open good: closed":       true,
	"half-open bad: open":          true,
	"half-open nothing: half-open": true,
	"half-open ignored: half-open": true,
	"half-open ignored: closed":    true,
	"earlier epoch: dropped":       true,
	"reset: closed":                true,
	"open takeback: closed":        true,
}

// player plays one transcript.
type player struct {
	b      breaker
	r      rules
	now    time.Duration
	tokens map[string]token
	out    strings.Builder
	seen   map[string]bool // which rows of the table the transcripts show
}

func newPlayer(seen map[string]bool) *player {
	return &player{
		b: newBreaker(), tokens: map[string]token{}, seen: seen,
		r: rules{volume: 4, errorPercent: 50, sleep: 5 * time.Second, probes: 1, lease: 5 * time.Second},
	}
}

// play returns text with what the machine really did.
func (p *player) play(t *testing.T, text string) string {
	var all strings.Builder
	skipping := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "":
			skipping = false
			all.WriteString("\n")
		case skipping:
		case line == "----":
			skipping = true
			all.WriteString("----\n" + p.out.String())
			p.out.Reset()
		case strings.HasPrefix(line, "#"):
			all.WriteString(line + "\n")
		default:
			all.WriteString(line + "\n")
			p.do(t, strings.Fields(line))
		}
	}
	require.Empty(t, p.out.String(), "the last block has no ----")
	return all.String()
}

func (p *player) sayf(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

// do plays one command.
func (p *player) do(t *testing.T, words []string) {
	t.Helper()
	switch verb, args := words[0], words[1:]; verb {
	case "rules":
		p.setRules(t, args)
	case "at":
		p.now = duration(t, args[0])
	case "after":
		p.now += duration(t, args[0])
	case "call":
		p.call(args[0])
	case "judge":
		p.judge(t, args)
	case "settle":
		p.settle(t, args)
	case "reset":
		p.changed(p.b.reset())
		p.seen["reset: "+p.b.state.String()] = true
	case "takeback":
		before := p.b.state
		p.changed(p.b.takeBackOpening())
		p.seen[fmt.Sprintf("%s takeback: %s", before, p.b.state)] = true
	case "show":
		p.sayf("%s at %s: epoch %d, %d probes out, %d succeeded, %d ignored, retry after %s",
			p.b.state, p.now, p.b.epoch, p.b.probesOut(p.now), p.b.succeeded, p.b.ignored, p.b.retryAfter(p.now))
	default:
		t.Fatalf("unknown command %q", words)
	}
}

func (p *player) call(name string) {
	before, waiting := p.b.state, len(p.b.probes)
	tok, c, ok := p.b.admit(p.now, &p.r)
	p.tokens[name] = tok
	p.changed(c)
	switch {
	case !ok:
		p.sayf("%s: refused, retry after %s", name, p.b.retryAfter(p.now))
		p.seen[before.String()+" call: refused"+suffix(" ", openOnly(p.b.state))] = true
	case tok.probe != 0:
		p.sayf("%s: probe %d of epoch %d", name, tok.probe, tok.epoch)
		if before == Open {
			p.seen["open call: probe half-open"] = true
			return
		}
		p.seen["half-open call: probe"] = true
		if waiting >= len(p.b.probes) && waiting > 0 {
			p.seen["half-open lease over: place"] = true
		}
	default:
		p.sayf("%s: admitted in epoch %d", name, tok.epoch)
	}
}

func openOnly(s State) string {
	if s == Open {
		return "open"
	}
	return ""
}

func (p *player) judge(t *testing.T, args []string) {
	t.Helper()
	v := values(t, args, "requests", "errors", "slow", "random", "hint")
	n := tally{requests: uint64(v.number("requests")), errors: uint64(v.number("errors")), slow: uint64(v.number("slow"))}
	before := p.b.state
	c := p.b.judge(p.now, &p.r, n, v.number("random"), v.duration("hint"))
	if c.why == unmoved {
		p.sayf("stays %s", p.b.state)
	}
	p.changed(c)
	p.seen[fmt.Sprintf("%s judged: %s", before, p.b.state)] = true
}

func (p *player) settle(t *testing.T, args []string) {
	t.Helper()
	tok, known := p.tokens[args[0]]
	require.True(t, known, "nobody is called %s", args[0])
	e := map[string]resultClass{"good": good, "bad": bad, "ignored": ignored, "nothing": nothing}
	kind, known := e[args[1]]
	require.True(t, known, "no evidence is called %s", args[1])
	v := values(t, args[2:], "random", "hint")
	before, old := p.b.state, tok.epoch != p.b.epoch
	c, counts := p.b.settleProbe(p.now, &p.r, tok, kind, v.number("random"), v.duration("hint"))
	switch {
	case !counts && old:
		p.sayf("%s: dropped, it is of epoch %d", args[0], tok.epoch)
		p.seen["earlier epoch: dropped"] = true
	case !counts:
		p.sayf("%s: dropped", args[0])
		p.seen[before.String()+" lease over: late"] = true
	default:
		p.sayf("%s: counts as %s", args[0], args[1])
		p.seen[fmt.Sprintf("%s %s: %s", before, args[1], p.b.state)] = true
	}
	p.changed(c)
}

var causes = map[cause]string{
	tooManyErrors: "too many errors", tooManySlow: "too many slow calls", sleepOver: "the sleep window is over",
	probesSucceeded: "probes succeeded", probesIgnored: "probes were ignored", probeFailed: "a probe failed",
	resetByHand: "reset by hand",
	takenBack:   "taken back",
}

func (p *player) changed(c change) {
	if c.why == unmoved {
		return
	}
	p.sayf("%s -> %s: %s", c.from, c.to, causes[c.why])
	if c.to == Open {
		p.sayf("sleeps %s, until %s", p.b.slept, p.b.openUntil)
	}
}

func (p *player) setRules(t *testing.T, args []string) {
	t.Helper()
	v := values(t, args, "volume", "errors", "slow", "sleep", "max", "jitter", "probes", "lease")
	for key := range v.of {
		switch key {
		case "volume":
			p.r.volume = uint64(v.number(key))
		case "errors":
			p.r.errorPercent = v.number(key)
		case "slow":
			p.r.slowPercent = v.number(key)
		case "sleep":
			p.r.sleep = v.duration(key)
		case "max":
			p.r.maxSleep = v.duration(key)
		case "jitter":
			p.r.jitter = v.number(key)
		case "probes":
			p.r.probes = int(v.number(key))
		case "lease":
			p.r.lease = v.duration(key)
		}
	}
}

// assigned are the key=value words of a command.
type assigned struct {
	t  *testing.T
	of map[string]string
}

func values(t *testing.T, args []string, allowed ...string) assigned {
	t.Helper()
	a := assigned{t, map[string]string{}}
	for _, word := range args {
		key, value, _ := strings.Cut(word, "=")
		require.Contains(t, allowed, key)
		a.of[key] = value
	}
	return a
}

func (a assigned) number(key string) float64 {
	if a.of[key] == "" {
		return 0
	}
	n, err := strconv.ParseFloat(a.of[key], 64)
	require.NoError(a.t, err)
	return n
}

func (a assigned) duration(key string) time.Duration {
	if a.of[key] == "" {
		return 0
	}
	return duration(a.t, a.of[key])
}

func duration(t *testing.T, word string) time.Duration {
	t.Helper()
	if word == "ever" {
		return math.MaxInt64
	}
	d, err := time.ParseDuration(word)
	require.NoError(t, err)
	return d
}
