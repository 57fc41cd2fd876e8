package httpflv

import "github.com/prometheus/client_golang/prometheus"

// Stats are the door's figures. It is a prometheus.Collector. The number of viewers of all forms together is
// collected by who wires the doors.
type Stats struct {
	closed *prometheus.CounterVec // by reason
	bytes  prometheus.Counter
}

func newStats(*Handler) *Stats {
	return &Stats{
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_viewer_closed_total", Help: "FLV viewers whose response ended, by reason.",
		}, []string{"reason"}),
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
	s.closed.Describe(ch)
	s.bytes.Describe(ch)
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	s.closed.Collect(ch)
	s.bytes.Collect(ch)
}
