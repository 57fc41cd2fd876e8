package publish

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/mux/av"
)

// Sent counts what a track has sent, without retransmissions.
type Sent struct {
	Frames  uint64 `json:"frames"` // pictures, or packets of audio
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"` // of RTP payload
}

// track writes the RTP packets of one kind of media. Its clock reads base at the origin of the session.
type track struct {
	local  *webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
	rate   uint32
	base   uint32
	seq    uint16

	encoding int                     // place among the sender's; 0 without layers
	name     func(*rtp.Header) error // writes into a packet of which layer it is; nil without layers
	overhead int                     // the room that takes

	frames, packets, bytes atomic.Uint64
	pli, nack              atomic.Uint64
	reports, arrivals      atomic.Uint64 // receiver reports, and packets of transport-wide feedback
	keyWanted, paused      atomic.Bool
}

func newTrack(local *webrtc.TrackLocalStaticRTP, sender *webrtc.RTPSender, rate uint32) *track {
	// RFC 3550 5.1: both should begin at random.
	return &track{local: local, sender: sender, rate: rate, base: rand.Uint32(), seq: uint16(rand.Uint32())}
}

// send writes one frame whose capture was ticks of the clock after the origin. Only its last packet has the
// marker bit if mark is set (RFC 6184 5.1); audio has none (RFC 7587 4.1 leaves it to the start of talk spurts).
func (t *track) send(payloads [][]byte, ticks int64, mark bool) error {
	for i, payload := range payloads {
		t.seq++
		p := rtp.Packet{
			Header: rtp.Header{
				Version:        2,
				Marker:         mark && i == len(payloads)-1,
				SequenceNumber: t.seq,
				Timestamp:      t.base + uint32(ticks),
			},
			Payload: payload,
		}
		if t.name != nil {
			if err := t.name(&p.Header); err != nil {
				return err
			}
		}
		if err := t.local.WriteRTP(&p); err != nil {
			return fmt.Errorf("cannot send RTP: %w", err)
		}
		t.packets.Add(1)
		t.bytes.Add(uint64(len(payload)))
	}
	t.frames.Add(1)
	return nil
}

func (t *track) sent() Sent {
	return Sent{Frames: t.frames.Load(), Packets: t.packets.Load(), Bytes: t.bytes.Load()}
}

func (t *track) ssrc() uint32 { return uint32(t.sender.GetParameters().Encodings[t.encoding].SSRC) }

// report is the sender report for the moment now (RFC 3550 6.4.1). It maps the clock to NTP exactly, as the
// capture times are, whenever the packets were really sent.
func (t *track) report(ssrc uint32, origin, now time.Time) *rtcp.SenderReport {
	return &rtcp.SenderReport{
		SSRC:        ssrc,
		NTPTime:     ntp(now),
		RTPTime:     t.base + uint32(av.Ticks(now.Sub(origin), t.rate)),
		PacketCount: uint32(t.packets.Load()),
		OctetCount:  uint32(t.bytes.Load()),
	}
}

// ntp is a time in seconds since 1900, 32 bits of them and 32 bits of fraction (RFC 5905 6).
func ntp(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// readFeedback counts what the receiver asks for, until the connection ends. Reading is also what drives the
// interceptor that answers NACKs.
// wanted is called when a key frame is asked for.
func (t *track) readFeedback(wanted func()) {
	for {
		packets, err := t.readRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch p := packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				t.pli.Add(1)
				wanted()
			case *rtcp.ReceiverReport:
				t.reports.Add(1)
			case *rtcp.TransportLayerCC:
				t.arrivals.Add(1)
			case *rtcp.TransportLayerNack:
				for _, pair := range p.Nacks {
					t.nack.Add(uint64(len(pair.PacketList())))
				}
			}
		}
	}
}
