package record

import "github.com/prometheus/client_golang/prometheus"

// Stats are the figures of recordings. It is a prometheus.Collector.
type Stats struct {
	running               *prometheus.Desc
	states                func() map[string]int // how many recordings go on, by state
	kept                  prometheus.Gauge
	files, bytes, lags    prometheus.Counter
	repaired              prometheus.Counter
	failures              *prometheus.CounterVec
	uploads, deletedFiles *prometheus.CounterVec
}

func newStats(states func() map[string]int) *Stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	by := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	return &Stats{
		states:  states,
		running: prometheus.NewDesc("weir_recordings", "Recordings that go on, by state: recording, or paused since nothing can be written.", []string{"state"}, nil),
		kept: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_record_kept_bytes", Help: "Complete files of recordings that are kept, in bytes.",
		}),
		files:        counter("weir_record_files_total", "Files of recordings that were completed."),
		bytes:        counter("weir_record_bytes_total", "Bytes in those files."),
		lags:         counter("weir_record_lags_total", "How often a part of a recording is missing since the disk was too slow."),
		repaired:     counter("weir_record_repaired_total", "Files that a process before left open and that were completed at the start."),
		failures:     by("weir_record_failures_total", "Pauses of recordings, by why nothing could be written.", "reason"),
		uploads:      by("weir_record_uploads_total", "Files that were brought to the bucket, by what came of it.", "result"),
		deletedFiles: by("weir_record_deleted_total", "Files of recordings that were deleted, by why.", "reason"),
	}
}

func (s *Stats) collectors() []prometheus.Collector {
	return []prometheus.Collector{
		s.kept, s.files, s.bytes, s.lags, s.repaired, s.failures, s.uploads, s.deletedFiles,
	}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(to chan<- *prometheus.Desc) {
	to <- s.running
	for _, c := range s.collectors() {
		c.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(to chan<- prometheus.Metric) {
	for state, n := range s.states() {
		to <- prometheus.MustNewConstMetric(s.running, prometheus.GaugeValue, float64(n), state)
	}
	for _, c := range s.collectors() {
		c.Collect(to)
	}
}
