package crowd

import (
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// ownSSRC is that of every viewer's feedback.
const ownSSRC = 1

// stream is what came of one RTP stream (RFC 3550 A.3 and A.8).
type stream struct {
	ssrc     uint32
	first    uint32 // sequence number, with the wraps in the upper half
	highest  uint32
	received uint32
	prior    struct{ expected, received uint32 } // at the last report
	report   uint32                              // the middle of the last sender report's NTP time
	reported time.Time                           // when that came
}

// saw counts a packet.
func (s *stream) saw(seq uint16) {
	if s.received == 0 {
		s.first, s.highest = uint32(seq), uint32(seq)
	}
	s.received++
	if ahead := seq - uint16(s.highest); ahead < 1<<15 {
		s.highest += uint32(ahead)
	}
}

// expected is how many packets were sent, as the numbers have it.
func (s *stream) expected() uint32 { return s.highest - s.first + 1 }

// block is the stream's part of a receiver report (RFC 3550 6.4.1).
func (s *stream) block(now time.Time) rtcp.ReceptionReport {
	expected := s.expected()
	lost := max(0, int64(expected)-int64(s.received))
	b := rtcp.ReceptionReport{SSRC: s.ssrc, TotalLost: uint32(min(lost, 1<<23-1)), LastSequenceNumber: s.highest, LastSenderReport: s.report}
	if e, r := expected-s.prior.expected, s.received-s.prior.received; e > r {
		b.FractionLost = uint8(min(255, (e-r)*256/e))
	}
	s.prior.expected, s.prior.received = expected, s.received
	if s.report != 0 {
		b.Delay = uint32(now.Sub(s.reported) * 65536 / time.Second)
	}
	return b
}

// feedback is what a viewer tells the server.
type feedback struct {
	arrivals *twcc.Recorder
	told     time.Time // of the last receiver report
}

// packets are what is to be told now: of the arrivals always, of the streams once a second.
func (v *feedback) packets(streams map[uint32]*stream, now time.Time) []rtcp.Packet {
	out := v.arrivals.BuildFeedbackPacket()
	if now.Sub(v.told) < time.Second {
		return out
	}
	v.told = now
	report := &rtcp.ReceiverReport{SSRC: ownSSRC}
	for _, s := range streams {
		report.Reports = append(report.Reports, s.block(now))
	}
	return append([]rtcp.Packet{report}, out...)
}
