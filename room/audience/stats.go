package audience

import "github.com/prometheus/client_golang/prometheus"

var (
	descViewers = prometheus.NewDesc("weir_viewers",
		"Viewers by form. Who plays by two forms is in both.", []string{"form"}, nil)
	descUnique = prometheus.NewDesc("weir_viewers_unique", "Viewers, each counted once a stream.", nil, nil)
)

// Describe implements prometheus.Collector.
func (a *Audience) Describe(ch chan<- *prometheus.Desc) {
	ch <- descViewers
	ch <- descUnique
}

// Collect implements prometheus.Collector.
func (a *Audience) Collect(ch chan<- prometheus.Metric) {
	all := a.Total()
	for f, n := range all.By {
		ch <- prometheus.MustNewConstMetric(descViewers, prometheus.GaugeValue, float64(n), formNames[f])
	}
	ch <- prometheus.MustNewConstMetric(descUnique, prometheus.GaugeValue, float64(all.Total))
}
