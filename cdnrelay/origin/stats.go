package origin

import "github.com/prometheus/client_golang/prometheus"

var (
	activeDesc = prometheus.NewDesc("weir_origin_pulls", "Requests of a CDN that are under way.", []string{"puller"}, nil)
	countDesc  = prometheus.NewDesc("weir_origin_requests_total", "Requests of a CDN, by what became of them: served, full, refused.",
		[]string{"puller", "outcome"}, nil)
	sentDesc = prometheus.NewDesc("weir_origin_sent_bytes_total", "Bytes of media and playlists sent to a CDN.", []string{"puller"}, nil)
)

// Describe implements prometheus.Collector.
func (o *Origin) Describe(ch chan<- *prometheus.Desc) {
	ch <- activeDesc
	ch <- countDesc
	ch <- sentDesc
}

// Collect implements prometheus.Collector.
func (o *Origin) Collect(ch chan<- prometheus.Metric) {
	for _, p := range o.pullers {
		ch <- prometheus.MustNewConstMetric(activeDesc, prometheus.GaugeValue, float64(p.active.Load()), p.Name)
		ch <- prometheus.MustNewConstMetric(sentDesc, prometheus.CounterValue, float64(p.sent.Load()), p.Name)
		for i, name := range outcomeNames {
			ch <- prometheus.MustNewConstMetric(countDesc, prometheus.CounterValue, float64(p.counts[i].Load()), p.Name, name)
		}
	}
}
