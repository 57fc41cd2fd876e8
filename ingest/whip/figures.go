package whip

import (
	"time"

	"weir/room/live"
)

// meterWindow is how many seconds the rates of a track are means over: key frames come a few seconds apart.
const meterWindow = 4

// meter measures rates from counts that are noted once a second.
type meter struct {
	points [meterWindow + 1]meterPoint // the newest last
	n      int
}

type meterPoint struct {
	at           time.Duration
	bytes, units uint64
}

func (m *meter) note(p meterPoint) {
	if m.n == len(m.points) {
		copy(m.points[:], m.points[1:])
		m.n--
	}
	m.points[m.n] = p
	m.n++
}

// rates are bits and access units a second; 0 before there are two points.
func (m *meter) rates() (bits, units float64) {
	if m.n < 2 {
		return 0, 0
	}
	a, b := &m.points[0], &m.points[m.n-1]
	t := (b.at - a.at).Seconds()
	return float64(8*(b.bytes-a.bytes)) / t, float64(b.units-a.units) / t
}

// measure notes the counts as they are now.
func (t *track) measure(now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meter.note(meterPoint{at: now, bytes: t.report.bytes, units: t.units()})
}

// units counts the access units handed on.
func (t *track) units() uint64 {
	if t.audio != nil {
		return t.audio.Stats().Units
	}
	return t.video.Stats().Units
}

// figures are what is known of the track.
func (t *track) figures() live.TrackIngest {
	f := live.TrackIngest{ID: t.id, Jumps: t.clock.Jumps()}
	f.Drift, f.HasDrift = t.clock.Drift()
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.ring.Stats()
	f.Packets = live.PacketCounts{
		Received: p.Received, Lost: p.Lost, Recovered: p.Recovered, Restored: p.Restored, Late: p.Late, Duplicate: p.Duplicate,
	}
	f.Bitrate, f.Rate = t.meter.rates()
	f.Jitter = time.Duration(t.report.jitter / float64(t.report.rate) * float64(time.Second))
	if t.audio != nil {
		u := t.audio.Stats()
		f.Units, f.Damaged, f.Dropped = u.Units, u.Damaged, u.Dropped
		f.Gaps, f.Concealed, f.Paused = u.Gaps, u.Concealed, u.Paused
		return f
	}
	u := t.video.Stats()
	f.Units, f.Damaged, f.Dropped, f.Packets.Ignored = u.Units, u.Damaged, u.Dependent, u.Ignored
	return f
}

// figures are what is known of the session; it is live.PublishOptions.Report.
func (s *session) figures() live.Ingest {
	in := live.Ingest{Door: "whip", KeyFrameRequests: s.feedback.asked.Load()}
	select {
	case <-s.ready:
	default:
		return in // its clock is not set
	}
	if skew, reported, ok := s.sync.Skew(s.now()); ok {
		in.Skew, in.SkewBy = skew, live.SkewByArrival
		if reported {
			in.SkewBy = live.SkewByReports
		}
	}
	for _, t := range s.snapshot() {
		in.Tracks = append(in.Tracks, t.figures())
	}
	return in
}
