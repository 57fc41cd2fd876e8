package pull

import "github.com/prometheus/client_golang/prometheus"

// Stats are the figures of pulls. It is a prometheus.Collector.
type Stats struct {
	m        *Manager
	tries    prometheus.Counter
	failures *prometheus.CounterVec // by reason
	bytes    prometheus.Counter
	frames   prometheus.Counter
	dropped  prometheus.Counter
	jumps    prometheus.Counter
	streams  *prometheus.Desc
}

func newStats(m *Manager) *Stats {
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &Stats{
		m:     m,
		tries: count("weir_pull_tries_total", "Connections to sources that were begun."),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_pull_failures_total", Help: "Connections to sources that did not come about or broke.",
		}, []string{"reason"}),
		bytes:   count("weir_pull_bytes_total", "Bytes of media that came from sources."),
		frames:  count("weir_pull_frames_total", "Frames that came from sources."),
		dropped: count("weir_pull_frames_dropped_total", "Frames from sources that were of no use."),
		jumps:   count("weir_pull_clock_jumps_total", "Sources placed anew in time, since their timestamps jumped."),
		streams: prometheus.NewDesc("weir_pull_streams", "Streams that are pulled, by state.", []string{"state"}, nil),
	}
}

// Stats are the figures of all pulls.
func (m *Manager) Stats() *Stats { return m.stats }

func (s *Stats) counters() []prometheus.Collector {
	return []prometheus.Collector{s.tries, s.failures, s.bytes, s.frames, s.dropped, s.jumps}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.counters() {
		c.Describe(ch)
	}
	ch <- s.streams
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.counters() {
		c.Collect(ch)
	}
	count := map[State]int{Connecting: 0, Running: 0, Waiting: 0}
	s.m.mu.Lock()
	for _, p := range s.m.pullers {
		count[p.status().State]++
	}
	s.m.mu.Unlock()
	for state, n := range count {
		if state != Ended && state != "" {
			ch <- prometheus.MustNewConstMetric(s.streams, prometheus.GaugeValue, float64(n), string(state))
		}
	}
}
