package measure

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Metrics are the samples of a Prometheus text exposition: the series as written there, name{label="value"}, with its
// value.
type Metrics map[string]float64

func parseMetrics(text string) Metrics {
	m := make(Metrics)
	for line := range strings.Lines(text) {
		series, value, ok := cutLast(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			m[series] = v
		}
	}
	return m
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Quantile is the upper bound of the histogram's bucket that holds the q-th part of what was observed since before. It
// is false for a histogram that is not there or has observed nothing. All series of the name count together.
func (m Metrics) Quantile(before Metrics, name string, q float64) (bound float64, ok bool) {
	counts := make(map[float64]float64) // by upper bound, cumulative
	for series, value := range m {
		rest, found := strings.CutPrefix(series, name+"_bucket{")
		if !found {
			continue
		}
		_, rest, _ = strings.Cut(rest, `le="`)
		text, _, _ := strings.Cut(rest, `"`)
		le, err := strconv.ParseFloat(text, 64)
		if err == nil {
			counts[le] += value - before[series]
		}
	}
	total := counts[math.Inf(1)]
	if total <= 0 {
		return 0, false
	}
	bounds := make([]float64, 0, len(counts))
	for le := range counts {
		bounds = append(bounds, le)
	}
	slices.Sort(bounds)
	for _, le := range bounds {
		if counts[le] >= q*total {
			return le, true
		}
	}
	return math.Inf(1), true
}

// Sum adds up all series of the name; 0 when there is none.
func (m Metrics) Sum(name string) (sum float64) {
	for series, value := range m {
		if base, _, _ := strings.Cut(series, "{"); base == name {
			sum += value
		}
	}
	return sum
}
