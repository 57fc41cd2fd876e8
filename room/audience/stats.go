package audience

import "github.com/prometheus/client_golang/prometheus"

var (
	descViewers = prometheus.NewDesc("weir_viewers",
		"Viewers by form. Who plays by two forms is in both.", []string{"form"}, nil)
	descUnique = prometheus.NewDesc("weir_viewers_unique", "Viewers, each counted once a stream.", nil, nil)
)

func newClosed() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_viewer_closed_total", Help: "Viewers whose connection ended, by reason.",
	}, []string{"reason"})
}

// Closed counts the viewers whose connection ended, by reason: the doors that have connections count in it, and the
// audience collects it.
func (a *Audience) Closed() *prometheus.CounterVec { return a.closed }

// Describe implements prometheus.Collector.
func (a *Audience) Describe(ch chan<- *prometheus.Desc) {
	ch <- descViewers
	ch <- descUnique
	a.closed.Describe(ch)
}

// Collect implements prometheus.Collector.
func (a *Audience) Collect(ch chan<- prometheus.Metric) {
	a.closed.Collect(ch)
	all := a.Total()
	for f, n := range all.By {
		ch <- prometheus.MustNewConstMetric(descViewers, prometheus.GaugeValue, float64(n), formNames[f])
	}
	ch <- prometheus.MustNewConstMetric(descUnique, prometheus.GaugeValue, float64(all.Total))
}
