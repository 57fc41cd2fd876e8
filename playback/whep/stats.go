package whep

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/rtc/sender"
	"weir/rtc/udp"
)

// Stats are the door's figures. It is a prometheus.Collector. The number of viewers is the audience's.
type Stats struct {
	closed   *prometheus.CounterVec // by reason; the audience collects it
	refusals *prometheus.CounterVec // by code
	restarts prometheus.Counter
	open     prometheus.GaugeFunc
	sender   *sender.Stats
	sent     []prometheus.Collector // what left past the WebRTC stack
}

func newStats(h *Handler) *Stats {
	return &Stats{
		closed: h.opts.Audience.Closed(),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_whep_refusals_total", Help: "Offers refused, and requests of sessions.",
		}, []string{"code"}),
		restarts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_whep_ice_restarts_total", Help: "ICE restarts of viewers.",
		}),
		open: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_whep_sessions", Help: "Sessions of viewers, those included that are connecting.",
		}, func() float64 { return float64(h.Total()) }),
		sender: sender.NewStats("weir_whep", "WebRTC viewers"),
		sent: []prometheus.Collector{
			sent(h, "datagrams_total", "Datagrams of media that the kernel took.", func(f udp.Figures) uint64 { return f.Datagrams }),
			sent(h, "datagrams_dropped_total", "Datagrams of media for which there was no room or no way.",
				func(f udp.Figures) uint64 { return f.Dropped }),
			sent(h, "send_calls_total", "System calls that they took.", func(f udp.Figures) uint64 { return f.Calls }),
		},
	}
}

// sent is a counter of the media port.
func sent(h *Handler, name, help string, of func(udp.Figures) uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "weir_whep_" + name, Help: help},
		func() float64 { return float64(of(h.opts.Engine.Sent())) })
}

func (s *Stats) collectors() []prometheus.Collector {
	return append([]prometheus.Collector{s.refusals, s.restarts, s.open, s.sender}, s.sent...)
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
