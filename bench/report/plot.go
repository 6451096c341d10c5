package report

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/seed-f7c3343e/quill/bench/contender"
)

// bar is one figure of the plot.
type bar struct {
	name string
	ns   float64
	kind contender.Kind
}

// Sizes of the plot, in its own units.
const (
	panelWidth = 560
	nameWidth  = 290
	barHeight  = 15
	barGap     = 4
	panelGap   = 34
	titleSpace = 40
)

// Plot draws what a call costs in the main cases, one panel each, on a logarithmic scale.
func Plot(r *Results) string {
	panels := []struct {
		c    contender.Case
		x, y int
	}{{contender.Success, 0, 0}, {contender.Failure, 1, 0}, {contender.Open, 1, 1}, {contender.Waits, 0, 1}}
	var rowHeight [2]int
	for _, p := range panels {
		rowHeight[p.y] = max(rowHeight[p.y], panelHeight(len(bars(r, p.c))))
	}
	width, height := 2*panelWidth+60, titleSpace+rowHeight[0]+rowHeight[1]+panelGap+20
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="11">
<title>What a call costs, in nanoseconds: quill, other libraries and the bare means</title>
<style>
.ground{fill:#fff}.text{fill:#1f2328}.faint{fill:#656d76}.grid{stroke:#d0d7de;stroke-width:.5}
.floor{fill:#afb8c1}.quill{fill:#0969da}.peer{fill:#bc4c00}
@media (prefers-color-scheme:dark){.ground{fill:#0d1117}.text{fill:#e6edf3}.faint{fill:#8d96a0}.grid{stroke:#30363d}
.floor{fill:#6e7681}.quill{fill:#4493f8}.peer{fill:#db6d28}}
</style>
<rect class="ground" width="%d" height="%d"/>
<text class="text" x="20" y="24" font-size="15">What a call costs, ns: one core, one caller, medians (logarithmic)</text>
`, width, height, width, height)
	legend(&b, width-330)
	for _, p := range panels {
		drawPanel(&b, titles[p.c], bars(r, p.c), 20+p.x*(panelWidth+20), titleSpace+p.y*(rowHeight[0]+panelGap))
	}
	fmt.Fprintf(&b, "<text class=\"faint\" x=\"20\" y=\"%d\">%s</text>\n</svg>\n", height-8, html.EscapeString(Setting(r)))
	return b.String()
}

func panelHeight(bars int) int { return 26 + bars*(barHeight+barGap) }

// bars are the figures of a case, the cheapest first.
func bars(r *Results, c contender.Case) []bar {
	var all []bar
	for i := range r.Cells {
		if x := &r.Cells[i]; x.Case == c && x.Load == Alone {
			all = append(all, bar{x.Contender, r.wall(c, x.Contender, Alone).Median(), kindOf(x.Contender)})
		}
	}
	slices.SortStableFunc(all, func(a, b bar) int { return cmp.Compare(a.ns, b.ns) })
	return all
}

var kindClass = map[contender.Kind]string{contender.Floor: "floor", contender.Quill: "quill", contender.Peer: "peer"}

func legend(b *strings.Builder, x int) {
	for i, k := range []contender.Kind{contender.Quill, contender.Peer, contender.Floor} {
		words := []string{"quill", "other libraries", "bare means"}[i]
		at := x + []int{0, 70, 190}[i]
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="14" width="11" height="11"/><text class="text" x="%d" y="24">%s</text>`+"\n",
			kindClass[k], at, at+16, words)
	}
}

func drawPanel(b *strings.Builder, title string, all []bar, x, y int) {
	const (
		left  = nameWidth
		space = panelWidth - nameWidth - 50 // room for the figure behind the longest bar
		low   = 1.0
		high  = 10_000.0
	)
	at := func(ns float64) float64 {
		return space * math.Log10(min(max(ns, low), high)/low) / math.Log10(high/low)
	}
	fmt.Fprintf(b, "<g transform=\"translate(%d %d)\">\n<text class=\"text\" x=\"0\" y=\"12\" font-weight=\"600\">%s</text>\n",
		x, y, html.EscapeString(title))
	for ns := low; ns <= high; ns *= 10 {
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="20" y2="%d"/>`+"\n",
			left+at(ns), left+at(ns), panelHeight(len(all)))
	}
	for i, v := range all {
		top := 24 + i*(barHeight+barGap)
		fmt.Fprintf(b, `<text class="text" x="%d" y="%d" text-anchor="end">%s</text>`,
			left-6, top+11, html.EscapeString(v.name))
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`,
			kindClass[v.kind], left, top, max(1, at(v.ns)), barHeight)
		fmt.Fprintf(b, `<text class="text" x="%.1f" y="%d">%s</text>`+"\n", left+at(v.ns)+4, top+11, digits(v.ns))
	}
	b.WriteString("</g>\n")
}
