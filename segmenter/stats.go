package segmenter

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// kinds of requests, in the order in which stats counts them.
const (
	kindMultivariant = iota
	kindMedia
	kindInit
	kindSegment
	kindUnknown
	kinds
)

var kindNames = [kinds]string{"multivariant", "media", "init", "segment", "unknown"}

var (
	descActive = prometheus.NewDesc("weir_hls_segmenters",
		"Streams that are being segmented, or ended a moment ago.", nil, nil)
	descSegments = prometheus.NewDesc("weir_hls_segments_total", "Segments made.", nil, nil)
	descForced   = prometheus.NewDesc("weir_hls_forced_cuts_total",
		"Segments that had to end without a key frame.", nil, nil)
	descRequests = prometheus.NewDesc("weir_hls_requests_total", "Requests by what was asked for.", []string{"kind"}, nil)
)

// stats counts what all segmenters do. It is a prometheus.Collector.
type stats struct {
	active, segments, forced atomic.Int64
	requests                 [kinds]atomic.Int64
}

// Describe implements prometheus.Collector.
func (s *stats) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descActive, descSegments, descForced, descRequests} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *stats) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(descActive, prometheus.GaugeValue, float64(s.active.Load()))
	ch <- prometheus.MustNewConstMetric(descSegments, prometheus.CounterValue, float64(s.segments.Load()))
	ch <- prometheus.MustNewConstMetric(descForced, prometheus.CounterValue, float64(s.forced.Load()))
	for kind, name := range kindNames {
		n := float64(s.requests[kind].Load())
		ch <- prometheus.MustNewConstMetric(descRequests, prometheus.CounterValue, n, name)
	}
}
