package whep

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/playback/whep/sender"
)

// Stats are the door's figures. It is a prometheus.Collector. The number of viewers is the audience's.
type Stats struct {
	closed   *prometheus.CounterVec // by reason; the audience collects it
	refusals *prometheus.CounterVec // by code
	restarts prometheus.Counter
	open     prometheus.GaugeFunc
	sender   *sender.Stats
}

func newStats(h *Handler) *Stats {
	return &Stats{
		closed: h.opts.Audience.Closed(),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_whep_refusals_total", Help: "Offers refused, and requests of sessions.",
		}, []string{"code"}),
		restarts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_whep_ice_restarts_total", Help: "ICE restarts of viewers.",
		}),
		open: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_whep_sessions", Help: "Sessions of viewers, those included that are connecting.",
		}, func() float64 { return float64(h.Total()) }),
		sender: sender.NewStats(),
	}
}

func (s *Stats) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.refusals, s.restarts, s.open, s.sender}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.collectors() {
		c.Collect(ch)
	}
}
