package quillprom

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-f7c3343e/quill"
)

// Settings say how a [Collector] names and bounds its series. The zero value is a good
// choice.
type Settings struct {
	// Namespace, if set, goes before every metric's name: "app" makes
	// app_hystrix_command_event_total.
	Namespace string
	// ConstLabels are on every series. One [prometheus.Registerer] takes several collectors
	// if each has a Namespace of its own, or if all have labels of the same names and each
	// has other values: a metric's label names must be the same everywhere.
	// Registering one collector with such a label beside one without it fails.
	ConstLabels prometheus.Labels
	// Group gives the label command_group of a circuit's name; nil, an empty answer or a
	// panic is "default". It is called at each scrape, from several goroutines if there are several
	// scrapes at once; its first answer for a name is kept.
	Group func(name string) string
	// MaxNames is how many names of circuits, and how many of bulkheads, get series of
	// their own: 1 or more, default 1,000. All others are summed under the name "other".
	MaxNames int
	// Buckets are the bounds of the classic histograms, ascending and above 0; nil means
	// [DefaultBuckets].
	Buckets []time.Duration
	// ClassicOnly leaves native histograms out. They cost nothing unless the server asks
	// for them.
	ClassicOnly bool
	// BridgeNames adds what Hystrix's bridge has and this package has not: events that no
	// circuit here can have (always 0), and thread pool gauges whose names today's linters
	// reject.
	BridgeNames bool
}

// DefaultMaxNames is what a MaxNames of 0 means.
const DefaultMaxNames = 1000

// DefaultBuckets returns the bounds of the classic histograms: from 1ms to 30s.
func DefaultBuckets() []time.Duration {
	const ms = time.Millisecond
	return []time.Duration{
		ms, 2500 * time.Microsecond, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms,
		time.Second, 2500 * ms, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	}
}

// Collector is a [prometheus.Collector] for the circuits of one registry. It reads them at
// each scrape, and nothing between; reading moves no circuit and waits for no call. It is
// safe for concurrent use.
type Collector struct {
	registry *quill.Registry
	settings Settings
	bounds   []float64 // of the classic histograms, in seconds
	descs    *descs
	ledger   *ledger
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns a collector of r, nil for [quill.DefaultRegistry]. Register it once; circuits
// that are made later are seen. It panics, with a sentence, on settings that cannot be:
// a namespace that is no metric name, a MaxNames below 0, buckets that do not ascend.
func New(r *quill.Registry, s Settings) *Collector {
	if r == nil {
		r = quill.DefaultRegistry
	}
	if fault := s.fault(); fault != "" {
		panic("quillprom: " + fault)
	}
	if s.MaxNames == 0 {
		s.MaxNames = DefaultMaxNames
	}
	if s.Buckets == nil {
		s.Buckets = DefaultBuckets()
	}
	c := &Collector{registry: r, settings: s, descs: newDescs(s), ledger: newLedger(s.MaxNames)}
	for _, b := range s.Buckets {
		c.bounds = append(c.bounds, b.Seconds())
	}
	return c
}

var legal = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// fault says what is wrong with the settings, "" if nothing.
func (s *Settings) fault() string {
	if s.Namespace != "" && !legal.MatchString(s.Namespace) {
		return fmt.Sprintf("Namespace %q: must be letters, digits and underscores, no digit first", s.Namespace)
	}
	if s.MaxNames < 0 {
		return fmt.Sprintf("MaxNames %d: must be 1 or more, or 0 for %d", s.MaxNames, DefaultMaxNames)
	}
	below := time.Duration(0)
	for _, b := range s.Buckets {
		if b <= below {
			return fmt.Sprintf("Buckets %v: must ascend, from above 0", s.Buckets)
		}
		below = b
	}
	return ""
}

// Describe sends the description of every metric.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs.all {
		ch <- d.desc
	}
}

// Collect reads the circuits and sends what they say.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	groups := map[string]string{}
	for circuit := range c.registry.All() {
		groups[circuit.Name()] = c.group(circuit.Name())
	}
	for _, m := range c.read(groups) {
		ch <- m
	}
}

// group asks the user's function, under no lock. One that panics has nothing to say: a
// scrape runs on a goroutine of the registerer's, where a panic would end the program.
func (c *Collector) group(name string) (group string) {
	defer func() {
		if recover() != nil {
			group = defaultGroup
		}
	}()
	if c.settings.Group != nil {
		group = strings.ToValidUTF8(c.settings.Group(name), "�")
	}
	if group == "" {
		return defaultGroup
	}
	return group
}

// read books what happened since the last scrape and returns all series. Nothing is sent
// under the lock: the receiver may be slow.
func (c *Collector) read(groups map[string]string) []prometheus.Metric {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	// Looked at again under the lock, so that scrapes see the registry in the order in which
	// they book: else one takes for removed, or for new, what another has booked meanwhile.
	var sources []source
	for circuit := range c.registry.All() {
		if group, ok := groups[circuit.Name()]; ok || l.accounts[circuit] != nil {
			sources = append(sources, source{circuit, group})
		}
	}
	l.scrape(sources)
	w := &writer{bounds: c.bounds, native: !c.settings.ClassicOnly, bridge: c.settings.BridgeNames, d: c.descs}
	for _, r := range l.rows.inOrder() {
		w.row(r)
	}
	for _, p := range l.pools.inOrder() {
		w.pool(p)
	}
	w.add(c.descs.commands, float64(l.named), "own")
	w.add(c.descs.commands, float64(l.unnamed), "summed")
	return w.metrics
}
