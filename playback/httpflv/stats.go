package httpflv

import "github.com/prometheus/client_golang/prometheus"

// Stats are the door's figures. It is a prometheus.Collector. The number of viewers of all forms together is
// collected by who wires the doors.
type Stats struct {
	closed *prometheus.CounterVec // by reason; the audience collects it
	bytes  prometheus.Counter
	pumps  *pumps
	join   *prometheus.Desc
	late   *prometheus.Desc
}

func newStats(h *Handler) *Stats {
	return &Stats{
		closed: h.opts.Audience.Closed(),
		pumps:  &h.pumps,
		join:   prometheus.NewDesc("weir_flv_join_seconds", "The longest time between two writes to FLV viewers that pumps keep now.", nil, nil),
		late:   prometheus.NewDesc("weir_flv_late_seconds", "How late the last viewer of a round got it, the worst of the last rounds.", nil, nil),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_flv_sent_bytes_total", Help: "Bytes of FLV sent to viewers.",
		}),
	}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	s.bytes.Describe(ch)
	ch <- s.join
	ch <- s.late
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	s.bytes.Collect(ch)
	join, late := s.pumps.slowest()
	ch <- prometheus.MustNewConstMetric(s.join, prometheus.GaugeValue, join.Seconds())
	ch <- prometheus.MustNewConstMetric(s.late, prometheus.GaugeValue, late.Seconds())
}
