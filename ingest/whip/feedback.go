package whip

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/ingest/depacket"
	"weir/mux/av"
)

const (
	transportEvery = 100 * time.Millisecond // transport-wide feedback; the sender's estimate needs it often
	reportEvery    = time.Second            // receiver reports
	maxReports     = 31                     // RFC 3550 6.4.1: report blocks a packet can hold
)

// feedback makes the RTCP of one session and writes it by its peer connection.
type feedback struct {
	pc    *webrtc.PeerConnection
	ssrc  uint32 // ours
	stats *Stats
	asked atomic.Uint64 // key frames

	mu        sync.Mutex // guards recorder and media
	recorder  *twcc.Recorder
	transport bool // there is something to report
}

func newFeedback(pc *webrtc.PeerConnection, ssrc uint32, stats *Stats) *feedback {
	return &feedback{pc: pc, ssrc: ssrc, stats: stats, recorder: twcc.NewRecorder(ssrc)}
}

// note records a packet's arrival for transport-wide feedback.
func (f *feedback) note(h *rtp.Header, id uint8, now time.Duration) {
	ext := h.GetExtension(id)
	if len(ext) < 2 {
		return
	}
	f.mu.Lock()
	f.recorder.Record(h.SSRC, uint16(ext[0])<<8|uint16(ext[1]), now.Microseconds())
	f.transport = true
	f.mu.Unlock()
}

// sendTransport sends what was recorded since the last time.
func (f *feedback) sendTransport() { f.write(f.buildTransport()) }

func (f *feedback) buildTransport() []rtcp.Packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.transport {
		return nil
	}
	f.transport = false
	return f.recorder.BuildFeedbackPacket()
}

// nack asks for packets again.
func (f *feedback) nack(t *track, seqs []uint16) {
	if len(seqs) == 0 {
		return
	}
	f.stats.nacks.Add(float64(len(seqs)))
	f.write([]rtcp.Packet{&rtcp.TransportLayerNack{
		SenderSSRC: f.ssrc, MediaSSRC: uint32(t.remote.SSRC()), Nacks: rtcp.NackPairsFromSequenceNumbers(seqs),
	}})
}

// keyFrame asks for a key frame, of all layers together.
func (f *feedback) keyFrame(tracks []*track) {
	var packets []rtcp.Packet
	for _, t := range tracks {
		if t.section.sends("nack", "pli") {
			packets = append(packets, &rtcp.PictureLossIndication{SenderSSRC: f.ssrc, MediaSSRC: uint32(t.remote.SSRC())})
		}
	}
	if len(packets) > 0 {
		f.stats.plis.Inc()
		f.asked.Add(1)
		f.write(packets)
	}
}

// report sends a receiver report on all tracks.
func (f *feedback) report(tracks []*track, now time.Duration) {
	rr := &rtcp.ReceiverReport{SSRC: f.ssrc}
	for _, t := range tracks {
		t.mu.Lock()
		if t.report.received > 0 && len(rr.Reports) < maxReports {
			rr.Reports = append(rr.Reports, t.report.block(uint32(t.remote.SSRC()), t.ring.Highest(), t.ring.Expected(), now))
		}
		t.mu.Unlock()
	}
	if len(rr.Reports) > 0 {
		f.write([]rtcp.Packet{rr})
	}
}

func (f *feedback) write(packets []rtcp.Packet) {
	if len(packets) == 0 {
		return
	}
	// It fails only while the connection is coming up or going down, when there is nothing to tell.
	_ = f.pc.WriteRTCP(packets)
}

// reception is what a receiver report says of one source (RFC 3550 6.4.1 and A.3, A.8).
type reception struct {
	rate     uint32
	received uint64
	bytes    uint64 // of payloads
	transit  int64  // arrival minus timestamp of the last packet, in ticks
	jitter   float64

	expectedBefore, receivedBefore uint64

	senderReport   uint32 // middle 32 bits of its NTP time; 0 before the first
	senderReportAt time.Duration
}

func (r *reception) note(p *depacket.Packet, now time.Duration) {
	transit := av.Ticks(now, r.rate) - int64(p.Timestamp)
	if r.received > 0 {
		d := float64(int32(transit - r.transit)) // wraps with the timestamp
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.transit = transit
	r.received++
	r.bytes += uint64(len(p.Payload))
}

// block says what became of expected packets, of which highest is the last one's extended sequence number.
func (r *reception) block(ssrc, highest uint32, expected uint64, now time.Duration) rtcp.ReceptionReport {
	b := rtcp.ReceptionReport{
		SSRC: ssrc, LastSequenceNumber: highest, Jitter: uint32(r.jitter), LastSenderReport: r.senderReport,
		TotalLost: uint32(min(max(int64(expected)-int64(r.received), 0), 0x7fffff)),
	}
	if want := expected - r.expectedBefore; want > 0 {
		if got := r.received - r.receivedBefore; got < want {
			b.FractionLost = uint8((want - got) << 8 / want)
		}
	}
	r.expectedBefore, r.receivedBefore = expected, r.received
	if r.senderReport != 0 {
		b.Delay = uint32((now - r.senderReportAt) * 65536 / time.Second)
	}
	return b
}
