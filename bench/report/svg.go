package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"weir/bench/measure"
)

// The measures of a chart in pixels.
const (
	rowHeight  = 16
	groupSpace = 12
	labelWidth = 250
	barsWidth  = 460
	valueWidth = 60
	margin     = 10
	topHeight  = 52
)

// colours tell programs apart, in the order of their first run.
var colours = []string{"#2563eb", "#94a3b8", "#cbd5e1", "#f59e0b", "#fcd34d", "#a7f3d0"}

// file is the name of a chart's file.
func (s scenario) file(c chart) string {
	return s.name + "-" + strings.ReplaceAll(c.figure, "_", "-") + ".svg"
}

// Charts are the SVG files of all results, by name.
func Charts(results map[string]measure.Result) map[string][]byte {
	out := make(map[string][]byte)
	for _, s := range scenarios {
		r, ok := results[s.name]
		if !ok {
			continue
		}
		for _, c := range s.charts {
			out[s.file(c)] = s.draw(c, r.Runs)
		}
	}
	return out
}

// draw draws bars, a group for each case and number, a bar for each program.
func (s scenario) draw(c chart, runs []measure.Run) []byte {
	var programs, groups []string
	bars := make(map[string][]measure.Run)
	most := 0.0
	for _, r := range runs {
		if !slices.Contains(programs, r.Program) {
			programs = append(programs, r.Program)
		}
		group := fmt.Sprintf("%s, %d", r.Case, r.Viewers+r.Streams)
		if bars[group] == nil {
			groups = append(groups, group)
		}
		bars[group] = append(bars[group], r)
		most = max(most, r.Figures[c.figure])
	}
	height := topHeight + len(runs)*rowHeight + len(groups)*groupSpace + margin
	width := labelWidth + barsWidth + valueWidth + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="14" font-weight="bold">%s</text>`+"\n", margin, html.EscapeString(s.title+": "+c.title))
	for i, p := range programs {
		x := margin + i*150
		fmt.Fprintf(&b, `<rect x="%d" y="30" width="10" height="10" fill="%s"/><text x="%d" y="39">%s</text>`+"\n", x, colour(programs, p), x+14, html.EscapeString(p))
	}
	y := topHeight
	for _, g := range groups {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", margin+labelWidth-8, y+12, html.EscapeString(g))
		for _, r := range bars[g] {
			v := r.Figures[c.figure]
			long := int(math.Round(v / max(most, math.SmallestNonzeroFloat64) * barsWidth))
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
				margin+labelWidth, y, long, rowHeight-2, colour(programs, r.Program), margin+labelWidth+long+4, y+12, short(v))
			y += rowHeight
		}
		y += groupSpace
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func colour(programs []string, p string) string {
	return colours[slices.Index(programs, p)%len(colours)]
}

// short writes a value with three digits or so.
func short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
