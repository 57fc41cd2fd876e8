package whip

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Stats are the door's figures. It is a prometheus.Collector.
type Stats struct {
	handler    *Handler
	sessions   prometheus.Counter
	refusals   *prometheus.CounterVec // by code
	ends       *prometheus.CounterVec // by reason
	badPackets prometheus.Counter
	nacks      prometheus.Counter
	plis       prometheus.Counter
	restarts   prometheus.Counter
	tcpRefused prometheus.CounterFunc
	active     *prometheus.Desc
	media      mediaDescs
}

func newStats(h *Handler) *Stats {
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	return &Stats{
		handler:    h,
		sessions:   count("weir_whip_sessions_total", "Publishers taken."),
		refusals:   vec("weir_whip_refusals_total", "Offers refused.", "code"),
		ends:       vec("weir_whip_session_ends_total", "Sessions that were over.", "reason"),
		badPackets: count("weir_whip_bad_packets_total", "Packets that were no RTP or RTCP."),
		nacks:      count("weir_whip_nacked_packets_total", "Packets asked for again."),
		plis:       count("weir_whip_key_frame_requests_total", "Key frame requests sent."),
		restarts:   count("weir_whip_ice_restarts_total", "ICE restarts of publishers."),
		tcpRefused: prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "weir_whip_tcp_refused_total", Help: "TCP connections for media that were too many.",
		}, func() float64 { return float64(h.opts.Engine.RefusedTCP()) }),
		active: prometheus.NewDesc("weir_whip_sessions", "Sessions of publishers, those included that lost their connection and may come back.", nil, nil),
		media:  newMediaDescs(),
	}
}

func (s *Stats) counters() []prometheus.Collector {
	return []prometheus.Collector{s.sessions, s.refusals, s.ends, s.badPackets, s.nacks, s.plis, s.restarts, s.tcpRefused}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.counters() {
		c.Describe(ch)
	}
	ch <- s.active
	s.media.describe(ch)
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.counters() {
		c.Collect(ch)
	}
	all, sums := s.handler.totals()
	ch <- prometheus.MustNewConstMetric(s.active, prometheus.GaugeValue, float64(len(all)))
	s.media.collect(ch, all, sums)
}
