package bus

import (
	"sync/atomic"

	"github.com/centrifugal/centrifuge"
	"github.com/centrifugal/protocol"
	"github.com/prometheus/client_golang/prometheus"
)

// stats are the figures of a Bus.
type stats struct {
	deliveries atomic.Uint64
	ends       *prometheus.CounterVec
	refusals   *prometheus.CounterVec
	count      func() (connections, sessions, rooms int)
	describe   [4]*prometheus.Desc
}

func newStats() *stats {
	return &stats{
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_im_closed_total", Help: "Connections of the room channel that ended, by reason.",
		}, []string{"reason"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_im_refused_total", Help: "Connections and calls of the room channel that were refused, by reason.",
		}, []string{"reason"}),
		describe: [4]*prometheus.Desc{
			prometheus.NewDesc("weir_im_connections", "Connections of the room channel that are logged in, anonymous ones included.", nil, nil),
			prometheus.NewDesc("weir_im_sessions", "Sessions of the room channel: connections, and those that may come back.", nil, nil),
			prometheus.NewDesc("weir_im_rooms", "Rooms that somebody is in by way of this node.", nil, nil),
			prometheus.NewDesc("weir_im_deliveries_total", "Publications that were written to members, each counted once a member.", nil, nil),
		},
	}
}

// Stats are the figures of this node for /metrics.
func (b *Bus) Stats() prometheus.Collector { return b.stats }

// Describe is of prometheus.Collector.
func (s *stats) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range s.describe {
		ch <- d
	}
	s.ends.Describe(ch)
	s.refusals.Describe(ch)
}

// Collect is of prometheus.Collector.
func (s *stats) Collect(ch chan<- prometheus.Metric) {
	connections, sessions, rooms := s.count()
	for i, n := range []int{connections, sessions, rooms} {
		ch <- prometheus.MustNewConstMetric(s.describe[i], prometheus.GaugeValue, float64(n))
	}
	ch <- prometheus.MustNewConstMetric(s.describe[3], prometheus.CounterValue, float64(s.deliveries.Load()))
	s.ends.Collect(ch)
	s.refusals.Collect(ch)
}

// written counts publications on their way out. It never holds one back.
func (s *stats) written(_ *centrifuge.Client, e centrifuge.TransportWriteEvent) bool {
	if e.FrameType == protocol.FrameTypePushPublication {
		s.deliveries.Add(1)
	}
	return true
}

func (s *stats) closed(r Reason)       { s.ends.WithLabelValues(string(r)).Inc() }
func (s *stats) refused(reason string) { s.refusals.WithLabelValues(reason).Inc() }
