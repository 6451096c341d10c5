package story

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/load"
)

// chart is a timeline as marks on a plane, ready for the page's template: answers by kind
// in columns, a dot for each latency, and a band for the state of each circuit.
type chart struct {
	Width, Height           int
	Label                   string
	SickX, SickW            float64
	AxisY, LatencyY         int
	Ticks, Names            []words
	Lines                   []line
	Bars                    []bar
	Dots                    []dot
	scale                   float64 // pixels a second
	most                    int     // answers in the fullest column
	answersBase, latencyTop float64
}

// words is a text on the plane.
type words struct {
	X, Y          float64
	Words, Anchor string
	Bold          bool
}

// line is a level line of the grid.
type line struct{ X, X2, Y float64 }

// bar is a part of a column, or of a band.
type bar struct {
	Class, Title string
	X, Y, W, H   float64
}

// dot is one request.
type dot struct {
	Class string
	X, Y  float64
}

// The measures of a chart.
const (
	chartWidth    = 360
	leftMargin    = 50.0
	rightMargin   = 8.0
	answersHeight = 78.0
	latencyHeight = 104.0
	gap           = 18.0
	bandHeight    = 15.0
	column        = 200 * time.Millisecond
	slowest       = 10 * time.Second // the top of the latency's scale
)

func drawChart(t Timeline, longest time.Duration) chart {
	c := chart{
		Width: chartWidth, Label: "Answers, latencies and circuit states over time",
		scale:       (chartWidth - leftMargin - rightMargin) / longest.Seconds(),
		answersBase: gap + answersHeight,
	}
	c.latencyTop = c.answersBase + gap + 12
	c.LatencyY = int(c.latencyTop - 11)
	c.SickX = c.x(t.Broke)
	c.SickW = tenth(c.x(t.Healed) - c.SickX)
	c.answers(t)
	c.latencies(t.Samples)
	bottom := c.bands(t, c.latencyTop+latencyHeight+gap+10)
	c.AxisY = int(bottom)
	for s := 0; s <= int(t.End.Seconds()); s += 1 + int(longest/(6*time.Second)) {
		x := c.x(time.Duration(s) * time.Second)
		c.Ticks = append(c.Ticks, words{X: x, Y: bottom + 13, Words: fmt.Sprintf("%d s", s), Anchor: "middle"})
	}
	c.Height = int(bottom) + 18
	return c
}

func (c *chart) x(t time.Duration) float64 { return tenth(leftMargin + t.Seconds()*c.scale) }

func tenth(f float64) float64 { return math.Round(f*10) / 10 }

func class(s load.Sample) string {
	if s.OK() {
		return s.Kind.String()
	}
	return "error"
}

// answers draws a column for each 200 ms, its answers stacked by kind, the good below.
func (c *chart) answers(t Timeline) {
	order := []string{"fresh", "failover", "stale", "default", "error"}
	columns := make([]map[string]int, int(t.End/column)+1)
	for _, s := range t.Samples {
		k := int(s.At / column)
		if columns[k] == nil {
			columns[k] = map[string]int{}
		}
		columns[k][class(s)]++
	}
	for _, counts := range columns {
		sum := 0
		for _, n := range counts {
			sum += n
		}
		c.most = max(c.most, sum)
	}
	for k, counts := range columns {
		y := c.answersBase
		for _, kind := range order {
			h := tenth(answersHeight * float64(counts[kind]) / float64(max(c.most, 1)))
			if h > 0 {
				y -= h
				from := time.Duration(k) * column
				width := c.x(min(from+column, t.End)) - c.x(from) - 1
				c.Bars = append(c.Bars, bar{Class: kind, X: c.x(from), Y: tenth(y), W: tenth(max(width, 0)), H: h})
			}
		}
	}
	c.Lines = append(c.Lines, line{leftMargin, chartWidth - rightMargin, c.answersBase})
	perSecond := float64(c.most) / column.Seconds()
	top := c.answersBase - answersHeight
	c.Ticks = append(c.Ticks, words{X: leftMargin - 5, Y: top + 10, Words: fmt.Sprintf("%.0f/s", perSecond), Anchor: "end"})
}

// latencies draws a dot for each request, on a scale of powers of ten. Those of users who
// need nothing from what is sick are rings.
func (c *chart) latencies(samples []load.Sample) {
	for v := time.Millisecond; v <= slowest; v *= 10 {
		y := c.latencyY(v)
		c.Lines = append(c.Lines, line{leftMargin, chartWidth - rightMargin, y})
		label := strings.Replace(Millis(v).String(), ".0", "", 1)
		c.Ticks = append(c.Ticks, words{X: leftMargin - 5, Y: y + 4, Words: label, Anchor: "end"})
	}
	for _, s := range samples {
		name := class(s)
		if s.User == other {
			name += " other"
		}
		c.Dots = append(c.Dots, dot{name, c.x(s.At), c.latencyY(s.Latency)})
	}
}

func (c *chart) latencyY(d time.Duration) float64 {
	decades := math.Log10(float64(slowest) / float64(time.Millisecond))
	share := math.Log10(math.Max(float64(d)/float64(time.Millisecond), 1)) / decades
	return tenth(c.latencyTop + latencyHeight*(1-math.Min(share, 1)))
}

// bands draws the state of each circuit that has ever opened, and returns where they end.
func (c *chart) bands(t Timeline, y float64) float64 {
	if len(t.Circuits) == 0 {
		return y - gap - 4
	}
	c.Names = append(c.Names, words{X: 0, Y: y - 4, Words: "circuits", Bold: true})
	for _, b := range t.Circuits {
		from, state, reason := time.Duration(0), quill.Closed, "closed"
		draw := func(to time.Duration) {
			c.Bars = append(c.Bars, bar{
				Class: state.String(), Title: reason,
				X: c.x(from), Y: y, W: tenth(math.Max(c.x(to)-c.x(from), 0.8)), H: bandHeight - 4,
			})
		}
		for _, ch := range b.Changes {
			at := min(max(ch.At, 0), t.End)
			draw(at)
			from, state, reason = at, ch.State, ch.Reason
		}
		draw(t.End)
		name := strings.TrimPrefix(strings.TrimPrefix(b.Circuit, "catalog."), "movie")
		c.Names = append(c.Names, words{X: 0, Y: y + bandHeight - 5, Words: name})
		y += bandHeight
	}
	return y
}
