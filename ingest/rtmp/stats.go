package rtmp

import "github.com/prometheus/client_golang/prometheus"

type kind string

const (
	kindVideo kind = "video"
	kindAudio kind = "audio"
)

type fate string

// What becomes of an access unit.
const (
	fateHandedOn fate = "handed_on"
	fateDamaged  fate = "damaged"
	fateDropped  fate = "dropped" // of a picture that was not whole
)

type counted struct {
	kind kind
	fate fate
}

// Stats are the door's figures. It is a prometheus.Collector.
type Stats struct {
	conns, active   prometheus.Gauge
	sessions, jumps prometheus.Counter
	bytes           prometheus.Counter
	refusals        *prometheus.CounterVec // by code
	ends            *prometheus.CounterVec // by reason
	fates           *prometheus.CounterVec // by kind and fate
	fate            map[counted]prometheus.Counter
}

func newStats() *Stats {
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	s := &Stats{
		conns:    gauge("weir_rtmp_connections", "Open RTMP connections."),
		active:   gauge("weir_rtmp_sessions", "RTMP connections that publish."),
		sessions: count("weir_rtmp_sessions_total", "RTMP publishers taken."),
		jumps:    count("weir_rtmp_clock_jumps_total", "Publishers placed anew in time, since their timestamps jumped."),
		bytes:    count("weir_rtmp_received_bytes_total", "Bytes received by RTMP, before the TLS of RTMPS."),
		refusals: vec("weir_rtmp_refusals_total", "RTMP connections that did not come to publish.", "code"),
		ends:     vec("weir_rtmp_session_ends_total", "RTMP publishers that left.", "reason"),
		fates:    vec("weir_rtmp_units_total", "Access units by what became of them.", "kind", "fate"),
		fate:     make(map[counted]prometheus.Counter),
	}
	for _, k := range []kind{kindVideo, kindAudio} {
		for _, f := range []fate{fateHandedOn, fateDamaged, fateDropped} {
			s.fate[counted{k, f}] = s.fates.WithLabelValues(string(k), string(f))
		}
	}
	return s
}

func (s *Stats) units(k kind, f fate) { s.fate[counted{k, f}].Inc() }

func (s *Stats) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.conns, s.active, s.sessions, s.jumps, s.bytes, s.refusals, s.ends, s.fates}
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
