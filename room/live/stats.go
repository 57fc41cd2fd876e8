package live

import "github.com/prometheus/client_golang/prometheus"

// Stats are the hub's figures. It is a prometheus.Collector.
type Stats struct {
	reg           *Registry
	lagged        *prometheus.CounterVec // by reader
	interruptions *prometheus.CounterVec // by reason
	ends          *prometheus.CounterVec // by reason
	keyFrameWants *prometheus.CounterVec // by reason
	keyFrameAsks  prometheus.Counter
	rejected      prometheus.Counter
	filled        *prometheus.CounterVec // by kind
	misfits       *prometheus.CounterVec // by kind
	feedErrors    *prometheus.CounterVec // by feed
	writes        prometheus.Histogram
	streams       *prometheus.Desc
	ringBytes     *prometheus.Desc
	waiting       *prometheus.Desc
}

// writeBuckets are in seconds: a write waits for nobody, so it is all about microseconds.
var writeBuckets = []float64{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 3e-5, 5e-5, 7e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2}

func newStats(reg *Registry) *Stats {
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &Stats{
		reg:           reg,
		lagged:        vec("weir_reader_lagged_total", "Readers that fell out of a ring and skipped to a later key frame.", "reader"),
		interruptions: vec("weir_stream_interruptions_total", "Streams whose publisher went silent or away.", "reason"),
		ends:          vec("weir_stream_ends_total", "Streams that ended.", "reason"),
		keyFrameWants: vec("weir_key_frame_wants_total", "Wishes of readers for a key frame.", "reason"),
		keyFrameAsks:  count("weir_key_frame_requests_total", "Key frame requests passed on to publishers."),
		rejected:      count("weir_frames_rejected_total", "Frames dropped because their track or time was out of place."),
		filled:        vec("weir_filled_frames_total", "Packets of silence and pictures shown again, in place of what did not come.", "kind"),
		misfits:       vec("weir_filled_misfits_total", "Frames dropped because they could not follow what stood in for them.", "kind"),
		feedErrors:    vec("weir_feed_errors_total", "Values that could not be encoded for a feed.", "feed"),
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_publisher_write_seconds", Help: "What a publisher's frame takes to be put into its stream.", Buckets: writeBuckets,
		}),
		streams:   prometheus.NewDesc("weir_streams", "Streams by state.", []string{"state"}, nil),
		ringBytes: prometheus.NewDesc("weir_ring_bytes", "Bytes held by the rings of all streams, feeds left out.", nil, nil),
		waiting:   prometheus.NewDesc("weir_viewers_waiting", "Viewers who wait for a publisher.", nil, nil),
	}
}

func (s *Stats) counters() []prometheus.Collector {
	return []prometheus.Collector{
		s.lagged, s.interruptions, s.ends, s.keyFrameWants, s.keyFrameAsks, s.rejected, s.feedErrors,
		s.filled, s.misfits, s.writes,
	}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.counters() {
		c.Describe(ch)
	}
	ch <- s.streams
	ch <- s.ringBytes
	ch <- s.waiting
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.counters() {
		c.Collect(ch)
	}
	var bytes int64
	states := make([]int, StateEnded)
	for _, st := range s.reg.Streams() {
		bytes += st.ring.bytes.Load()
		if state := st.Info().State; state < StateEnded {
			states[state]++
		}
	}
	for state, n := range states {
		ch <- prometheus.MustNewConstMetric(s.streams, prometheus.GaugeValue, float64(n), State(state).String())
	}
	ch <- prometheus.MustNewConstMetric(s.ringBytes, prometheus.GaugeValue, float64(bytes))
	ch <- prometheus.MustNewConstMetric(s.waiting, prometheus.GaugeValue, float64(s.reg.Waiting()))
}
