package filter

import "github.com/prometheus/client_golang/prometheus"

// stats counts what was found.
type stats struct {
	texts           *prometheus.CounterVec
	refused, masked prometheus.Counter
}

func newStats() stats {
	texts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_im_filter_texts_total",
		Help: "Texts with a word of the lists, by what was done with them.",
	}, []string{"action"})
	return stats{texts: texts, refused: texts.WithLabelValues("refused"), masked: texts.WithLabelValues("masked")}
}

// Describe implements prometheus.Collector.
func (f *Filter) Describe(ch chan<- *prometheus.Desc) { f.stats.texts.Describe(ch) }

// Collect implements prometheus.Collector.
func (f *Filter) Collect(ch chan<- prometheus.Metric) { f.stats.texts.Collect(ch) }
