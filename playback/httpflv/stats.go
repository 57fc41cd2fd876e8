package httpflv

import "github.com/prometheus/client_golang/prometheus"

// Stats are the door's figures. It is a prometheus.Collector. The number of viewers of all forms together is
// collected by who wires the doors.
type Stats struct {
	closed *prometheus.CounterVec // by reason; the audience collects it
	bytes  prometheus.Counter
}

func newStats(h *Handler) *Stats {
	return &Stats{
		closed: h.opts.Audience.Closed(),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_flv_sent_bytes_total", Help: "Bytes of FLV sent to viewers.",
		}),
	}
}

func (s *Stats) count(b [][]byte) {
	n := 0
	for _, t := range b {
		n += len(t)
	}
	s.bytes.Add(float64(n))
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	s.bytes.Describe(ch)
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	s.bytes.Collect(ch)
}
