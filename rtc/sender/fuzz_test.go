package sender

import (
	"testing"

	"github.com/pion/rtcp"
)

// FuzzFeedback: whatever a viewer reports, there is no panic, and not more is sent again than there is room for.
func FuzzFeedback(f *testing.F) {
	for _, p := range []rtcp.Packet{
		&rtcp.TransportLayerNack{MediaSSRC: testVideo.SSRC, Nacks: []rtcp.NackPair{{PacketID: 7, LostPackets: 0xffff}}},
		&rtcp.TransportLayerNack{MediaSSRC: testAudio.SSRC, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 1}}},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: testVideo.SSRC, TotalLost: 9, LastSenderReport: 1 << 20, Delay: 5}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6, SSRCs: []uint32{testVideo.SSRC}},
		&rtcp.TransportLayerCC{
			Header:    rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
			MediaSSRC: testVideo.SSRC, PacketStatusCount: 1,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 1}},
			RecvDeltas:   []*rtcp.RecvDelta{{Type: 1, Delta: 1000}},
		},
	} {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		packets, err := rtcp.Unmarshal(b)
		if err != nil {
			return
		}
		e, l, u := newEgress(t, 8)
		for range 200 {
			if err := e.send(l, u, 0, len(u.Payloads)); err != nil {
				t.Fatal(err)
			}
		}
		before := e.to.(*sink).packets
		for _, p := range packets { // as Feedback does, but for key frames, which the stream bounds
			switch p := p.(type) {
			case *rtcp.TransportLayerNack:
				_ = e.lost(p)
			case *rtcp.TransportLayerCC:
				e.arrivals(p)
			case *rtcp.ReceiverReport:
				e.received(p.Reports)
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				e.atMost(p.Bitrate)
			}
		}
		if n := e.to.(*sink).packets - before; n*1100*8 > repairUnknown {
			t.Fatalf("%d packets sent again", n)
		}
	})
}
