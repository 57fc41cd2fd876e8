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
	tcpRefused prometheus.CounterFunc
	active     *prometheus.Desc
	packets    *prometheus.Desc
	units      *prometheus.Desc
	jumps      *prometheus.Desc
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
		tcpRefused: prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "weir_whip_tcp_refused_total", Help: "TCP connections for media that were too many.",
		}, func() float64 { return float64(h.opts.Engine.tcp.refused.Load()) }),
		active: prometheus.NewDesc("weir_whip_sessions", "Sessions of publishers, those included that lost their connection and may come back.", nil, nil),
		packets: prometheus.NewDesc("weir_whip_packets", "Packets of the present sessions by what became of them.",
			[]string{"kind", "fate"}, nil),
		units: prometheus.NewDesc("weir_whip_units", "Access units of the present sessions by what became of them.",
			[]string{"kind", "fate"}, nil),
		jumps: prometheus.NewDesc("weir_whip_clock_jumps", "How often tracks of the present sessions were placed anew in time.",
			[]string{"kind"}, nil),
	}
}

func (s *Stats) counters() []prometheus.Collector {
	return []prometheus.Collector{s.sessions, s.refusals, s.ends, s.badPackets, s.nacks, s.plis, s.tcpRefused}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.counters() {
		c.Describe(ch)
	}
	ch <- s.active
	ch <- s.packets
	ch <- s.units
	ch <- s.jumps
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.counters() {
		c.Collect(ch)
	}
	s.handler.mu.Lock()
	all := make([]*session, 0, len(s.handler.sessions))
	for _, o := range s.handler.sessions {
		all = append(all, o)
	}
	s.handler.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(s.active, prometheus.GaugeValue, float64(len(all)))
	sums := map[string]*fates{"video": newFates(), "audio": newFates()}
	for _, o := range all {
		for _, t := range o.snapshot() {
			sums[t.section.kind.String()].add(t)
		}
	}
	for kind, sum := range sums {
		for fate, n := range sum.packets {
			ch <- prometheus.MustNewConstMetric(s.packets, prometheus.GaugeValue, float64(n), kind, fate)
		}
		for fate, n := range sum.units {
			ch <- prometheus.MustNewConstMetric(s.units, prometheus.GaugeValue, float64(n), kind, fate)
		}
		ch <- prometheus.MustNewConstMetric(s.jumps, prometheus.GaugeValue, float64(sum.jumps), kind)
	}
}

// fates are what became of the packets and access units of one kind.
type fates struct {
	packets, units map[string]uint64
	jumps          uint64
}

func newFates() *fates {
	return &fates{packets: make(map[string]uint64), units: make(map[string]uint64)}
}

func (f *fates) add(t *track) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.ring.Stats()
	f.packets["received"] += p.Received
	f.packets["duplicate"] += p.Duplicate
	f.packets["late"] += p.Late
	f.packets["lost"] += p.Lost
	f.packets["recovered"] += p.Recovered
	f.jumps += t.clock.Jumps()
	if t.video != nil {
		u := t.video.Stats()
		f.units["handed_on"] += u.Units
		f.units["damaged"] += u.Damaged
		f.units["dependent"] += u.Dependent
		f.units["ignored"] += u.Ignored
		return
	}
	u := t.audio.Stats()
	f.units["handed_on"] += u.Units
	f.units["damaged"] += u.Damaged
}
