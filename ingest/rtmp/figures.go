package rtmp

import (
	"time"

	"weir/room/live"
)

const (
	meterEvery = time.Second
	// meterWindow is how many of those the rates of a track are means over: key frames come seconds apart.
	meterWindow = 4
)

// meter measures rates from counts that are noted once a second.
type meter struct {
	points [meterWindow + 1]meterPoint // a ring
	n      int                         // noted so far
}

type meterPoint struct {
	at           time.Duration
	bytes, units uint64
}

func (m *meter) note(p meterPoint) {
	m.points[m.n%len(m.points)] = p
	m.n++
}

// rates are bits and access units a second; 0 before there are two points.
func (m *meter) rates() (bits, units float64) {
	if m.n < 2 {
		return 0, 0
	}
	first, last := m.points[max(0, m.n-len(m.points))%len(m.points)], m.points[(m.n-1)%len(m.points)]
	t := (last.at - first.at).Seconds()
	return float64(8*(last.bytes-first.bytes)) / t, float64(last.units-first.units) / t
}

// count notes what became of an access unit.
func (s *session) count(t *track, k kind, f fate) {
	s.server.stats.units(k, f)
	switch f {
	case fateHandedOn:
		t.units.Add(1)
	case fateDamaged:
		t.damaged.Add(1)
	case fateDropped:
		t.dropped.Add(1)
	}
}

// measure notes the counts as they are now.
func (s *session) measure() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.writer.Now()
	for i, t := range []*track{&s.video, &s.audio} {
		s.meters[i].note(meterPoint{at: now, bytes: t.bytes.Load(), units: t.units.Load()})
	}
}

// figures are what is known of the session; it is live.PublishOptions.Report.
func (s *session) figures() live.Ingest {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := live.Ingest{Door: "rtmp"}
	for i, t := range []*track{&s.video, &s.audio} {
		f := live.TrackIngest{
			ID: t.id, Units: t.units.Load(), Damaged: t.damaged.Load(), Dropped: t.dropped.Load(), Jumps: s.jumps.Load(),
		}
		f.Bitrate, f.Rate = s.meters[i].rates()
		in.Tracks = append(in.Tracks, f)
	}
	return in
}
