package sender

import "github.com/prometheus/client_golang/prometheus"

// Stats are the figures of all senders together. It is a prometheus.Collector.
type Stats struct {
	packets, bytes prometheus.Counter
	requests       *prometheus.CounterVec // by what became of them
	leftOut        *prometheus.CounterVec // by cause
	keyFrames      prometheus.Counter
	lost           prometheus.Counter
	probed         prometheus.Counter
	roundTrips     prometheus.Histogram
}

// NewStats returns the figures of senders that are given them, to be registered with Prometheus.
func NewStats() *Stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &Stats{
		packets: counter("weir_whep_sent_packets_total", "RTP packets sent to WebRTC viewers, without those sent again."),
		bytes:   counter("weir_whep_sent_bytes_total", "Payload bytes of those packets."),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_whep_nacks_total", Help: "Packets that WebRTC viewers asked for again, by what became of the request.",
		}, []string{"result"}),
		leftOut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_whep_left_out_total", Help: "Pictures that a WebRTC viewer did not get since its path does not carry them, by kind.",
		}, []string{"kind"}),
		keyFrames: counter("weir_whep_key_frame_requests_total", "Key frames that WebRTC viewers asked for (PLI, FIR)."),
		lost:      counter("weir_whep_lost_packets_total", "Packets that WebRTC viewers reported as lost."),
		probed:    counter("weir_whep_probe_bytes_total", "Bytes sent to find out whether a larger layer fits."),
		roundTrips: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_whep_round_trip_seconds", Help: "Round trips to WebRTC viewers, by their reports.",
			Buckets: []float64{0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1},
		}),
	}
}

func (s *Stats) sent(packets, bytes int) {
	s.packets.Add(float64(packets))
	s.bytes.Add(float64(bytes))
}

// asked counts a request for a packet.
func (s *Stats) asked(result string) { s.requests.WithLabelValues(result).Inc() }

func (s *Stats) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.packets, s.bytes, s.requests, s.leftOut, s.keyFrames, s.lost, s.probed, s.roundTrips}
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
