package images

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats are the figures of pictures. It is a prometheus.Collector.
type Stats struct {
	uploads *prometheus.CounterVec
	deleted *prometheus.CounterVec
	bytes   prometheus.Gauge
}

func newStats() *Stats {
	return &Stats{
		uploads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_images_uploads_total", Help: "Pictures that were sent, by what became of them.",
		}, []string{"result"}),
		deleted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_images_deleted_total", Help: "Pictures that were thrown away, by why.",
		}, []string{"reason"}),
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_images_bytes", Help: "Pictures that are kept, in bytes.",
		}),
	}
}

// uploaded counts a picture: ok, the code of its error, refused (no authority) or internal.
func (s *Stats) uploaded(err error) {
	result := "internal"
	no := refusal{}
	switch {
	case err == nil:
		result = "ok"
	case errors.As(err, &no):
		result = "refused"
	default:
		for _, known := range statuses {
			if errors.Is(err, known.err) {
				result = known.code
				break
			}
		}
	}
	s.uploads.WithLabelValues(result).Inc()
}

func (s *Stats) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.uploads, s.deleted, s.bytes}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(to chan<- *prometheus.Desc) {
	for _, c := range s.collectors() {
		c.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(to chan<- prometheus.Metric) {
	for _, c := range s.collectors() {
		c.Collect(to)
	}
}
