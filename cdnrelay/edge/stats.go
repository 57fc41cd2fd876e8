package edge

import "github.com/prometheus/client_golang/prometheus"

// stats are the figures of a node's work with others.
type stats struct {
	edge           *Edge
	sessions       prometheus.Gauge
	sent, received prometheus.Counter
	retries        prometheus.Counter
	objects        *prometheus.CounterVec
	pulls, cached  *prometheus.Desc
}

func newStats(e *Edge) *stats {
	bytes := func(way string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_edge_bytes_total", Help: "Bytes between nodes, by way: out to nodes in front, in from origins.",
			ConstLabels: prometheus.Labels{"way": way},
		})
	}
	return &stats{
		edge: e, sent: bytes("out"), received: bytes("in"),
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_edge_sessions", Help: "Streams that other nodes take from this one.",
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_edge_retries_total", Help: "Attempts to get a stream back from an origin.",
		}),
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_edge_objects_total", Help: "HLS objects of origins asked for, by result: hit, miss, or stale.",
		}, []string{"result"}),
		pulls:  prometheus.NewDesc("weir_edge_pulls", "Streams that this node takes from origins.", nil, nil),
		cached: prometheus.NewDesc("weir_edge_cache_bytes", "HLS objects of origins that are kept.", nil, nil),
	}
}

// Stats is to be registered with Prometheus.
func (e *Edge) Stats() prometheus.Collector { return e.stats }

// Describe implements prometheus.Collector.
func (s *stats) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.counted() {
		c.Describe(ch)
	}
	ch <- s.pulls
	ch <- s.cached
}

// Collect implements prometheus.Collector.
func (s *stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.counted() {
		c.Collect(ch)
	}
	s.edge.mu.Lock()
	pulls := len(s.edge.pulls)
	s.edge.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(s.pulls, prometheus.GaugeValue, float64(pulls))
	ch <- prometheus.MustNewConstMetric(s.cached, prometheus.GaugeValue, float64(s.edge.objects.total()))
}

func (s *stats) counted() []prometheus.Collector {
	return []prometheus.Collector{s.sessions, s.sent, s.received, s.retries, s.objects, s.edge.client.health.up, s.edge.client.health.failures}
}
