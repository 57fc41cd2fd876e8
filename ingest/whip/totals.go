package whip

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/live"
)

// totals are the figures of all tracks of a kind, "video" or "audio", since the start.
type totals map[string]*live.TrackIngest

func newTotals() totals {
	return totals{"video": new(live.TrackIngest), "audio": new(live.TrackIngest)}
}

// add adds what the tracks of a session counted.
func (m totals) add(s *session) {
	for _, t := range s.snapshot() {
		sum, f := m[t.section.kind.String()], t.figures()
		p := &sum.Packets
		p.Received += f.Packets.Received
		p.Lost += f.Packets.Lost
		p.Recovered += f.Packets.Recovered
		p.Restored += f.Packets.Restored
		p.Late += f.Packets.Late
		p.Duplicate += f.Packets.Duplicate
		p.Ignored += f.Packets.Ignored
		sum.Units += f.Units
		sum.Damaged += f.Damaged
		sum.Dropped += f.Dropped
		sum.Jumps += f.Jumps
		sum.Gaps += f.Gaps
		sum.Concealed += f.Concealed
		sum.Paused += f.Paused
	}
}

// totals are the sessions there are, and the sums over them and all that were before.
func (h *Handler) totals() ([]*session, totals) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sums := newTotals()
	for kind, past := range h.past {
		*sums[kind] = *past
	}
	all := h.sessions.All()
	for _, s := range all {
		sums.add(s)
	}
	return all, sums
}

// mediaDescs are the metrics of media.
type mediaDescs struct {
	packets, units, jumps, gaps, concealed, skew, drift *prometheus.Desc
}

func newMediaDescs() mediaDescs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return mediaDescs{
		packets:   desc("weir_whip_packets_total", "Packets by what became of them.", "kind", "fate"),
		units:     desc("weir_whip_units_total", "Access units by what became of them.", "kind", "fate"),
		jumps:     desc("weir_whip_clock_jumps_total", "How often tracks were placed anew in time.", "kind"),
		gaps:      desc("weir_whip_audio_gaps_total", "Holes that losses made in sound."),
		concealed: desc("weir_whip_audio_filled_seconds_total", "Sound that did not come and was left to decoders to make up.", "reason"),
		skew:      desc("weir_whip_skew_seconds", "The largest distance between pictures and sound of a present session."),
		drift:     desc("weir_whip_drift_ppm", "The largest distance of a present publisher's media clock from ours.", "kind"),
	}
}

func (d *mediaDescs) all() []*prometheus.Desc {
	return []*prometheus.Desc{d.packets, d.units, d.jumps, d.gaps, d.concealed, d.skew, d.drift}
}

func (d *mediaDescs) describe(ch chan<- *prometheus.Desc) {
	for _, desc := range d.all() {
		ch <- desc
	}
}

func (d *mediaDescs) collect(ch chan<- prometheus.Metric, all []*session, sums totals) {
	count := func(desc *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, n, labels...)
	}
	for kind, sum := range sums {
		p := &sum.Packets
		for fate, n := range map[string]uint64{
			"received": p.Received, "lost": p.Lost, "recovered": p.Recovered, "restored": p.Restored, "late": p.Late,
			"duplicate": p.Duplicate, "ignored": p.Ignored,
		} {
			count(d.packets, float64(n), kind, fate)
		}
		for fate, n := range map[string]uint64{"handed_on": sum.Units, "damaged": sum.Damaged, "dropped": sum.Dropped} {
			count(d.units, float64(n), kind, fate)
		}
		count(d.jumps, float64(sum.Jumps), kind)
	}
	audio := sums["audio"]
	count(d.gaps, float64(audio.Gaps))
	count(d.concealed, audio.Concealed.Seconds(), "lost")
	count(d.concealed, audio.Paused.Seconds(), "paused")
	d.worst(ch, all)
}

// worst writes the largest of what has no sum.
func (d *mediaDescs) worst(ch chan<- prometheus.Metric, all []*session) {
	var skew time.Duration
	drift := map[string]float64{"video": 0, "audio": 0}
	for _, s := range all {
		in := s.figures()
		skew = max(skew, in.Skew, -in.Skew)
		for i, t := range s.snapshot() {
			if i < len(in.Tracks) {
				kind := t.section.kind.String()
				drift[kind] = max(drift[kind], math.Abs(in.Tracks[i].Drift))
			}
		}
	}
	ch <- prometheus.MustNewConstMetric(d.skew, prometheus.GaugeValue, skew.Seconds())
	for kind, ppm := range drift {
		ch <- prometheus.MustNewConstMetric(d.drift, prometheus.GaugeValue, ppm, kind)
	}
}
