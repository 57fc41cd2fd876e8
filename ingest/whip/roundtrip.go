package whip

import "time"

// roundTrip tells the tracks how long a packet and its answer took at ICE's last consent check (RFC 7675 5.1), so
// that missing packets are asked for at that pace. It is called by the session's loop alone.
func (s *session) roundTrip(tracks []*track) {
	pair, ok := s.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	if !ok || pair.ResponsesReceived == s.answers {
		return
	}
	s.answers = pair.ResponsesReceived
	for _, t := range tracks {
		t.mu.Lock()
		t.ring.RoundTrip(time.Duration(pair.CurrentRoundTripTime * float64(time.Second)))
		t.mu.Unlock()
	}
}
