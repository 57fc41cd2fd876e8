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

// NewStats returns the figures of senders that are given them, to be registered with Prometheus: their names begin with
// prefix, and who names those that are sent to.
func NewStats(prefix, who string) *Stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
	}
	return &Stats{
		packets: counter("_sent_packets_total", "RTP packets sent to "+who+", without those sent again."),
		bytes:   counter("_sent_bytes_total", "Payload bytes of those packets."),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "_nacks_total", Help: "Packets that " + who + " asked for again, by what became of the request.",
		}, []string{"result"}),
		leftOut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "_left_out_total", Help: "Pictures that " + who + " did not get since their path does not carry them, by kind.",
		}, []string{"kind"}),
		keyFrames: counter("_key_frame_requests_total", "Key frames that "+who+" asked for (PLI, FIR)."),
		lost:      counter("_lost_packets_total", "Packets that "+who+" reported as lost."),
		probed:    counter("_probe_bytes_total", "Bytes sent to find out whether a larger layer fits."),
		roundTrips: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: prefix + "_round_trip_seconds", Help: "Round trips to " + who + ", by their reports.",
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
