package sender

import (
	"runtime"
	"testing"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"

	"weir/mux/av"
	"weir/mux/rtp"
	"weir/rtc/estimate"
)

// sink is a transport that takes no time.
type sink struct{ packets int }

func (s *sink) WriteRTP(*pion.Header, []byte) error { s.packets++; return nil }
func (s *sink) WriteRTCP([]byte) error              { return nil }
func (s *sink) Flush() error                        { return nil }

// newEgress is an egress into nothing, and a unit of n packets.
func newEgress(tb testing.TB, n int) (*egress, *line, *rtp.Unit) {
	tb.Helper()
	video, err := newLine(testVideo, videoHistory)
	if err != nil {
		tb.Fatal(err)
	}
	e := &egress{
		began: time.Now(), cname: "weir", clock: func() time.Duration { return time.Second }, stats: NewStats("weir_whep", "WebRTC viewers"),
		to: new(sink), video: video, estimate: estimate.New(),
	}
	u := &rtp.Unit{Codec: av.CodecH264}
	for range n {
		u.Payloads = append(u.Payloads, make([]byte, 1100))
	}
	return e, video, u
}

func TestSendAllocatesNothing(t *testing.T) {
	e, l, u := newEgress(t, 8)
	if n := testing.AllocsPerRun(1000, func() {
		if e.delay() < 0 || e.send(l, u, 0, 8) != nil {
			t.Fatal("cannot send")
		}
	}); n > 0 {
		t.Errorf("%v allocations a picture of 8 packets", n)
	}
	first := l.header.SequenceNumber - 4
	request := &rtcp.TransportLayerNack{MediaSSRC: l.SSRC, Nacks: []rtcp.NackPair{{PacketID: first, LostPackets: 3}}}
	if n := testing.AllocsPerRun(1000, func() {
		clear(l.asked.slots[:])
		e.repairs.spent = 0
		if e.lost(request) != nil {
			t.Fatal("cannot repair")
		}
	}); n > 0 {
		t.Errorf("%v allocations for three packets sent again", n)
	}
}

// What a viewer costs beside the stream's shared packets.
func TestViewerIsSmall(t *testing.T) {
	const n = 500
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := make([]*egress, n)
	for i := range kept {
		e, _, _ := newEgress(t, 0)
		audio, err := newLine(testAudio, audioHistory)
		if err != nil {
			t.Fatal(err)
		}
		e.audio = audio
		kept[i] = e
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > 24<<10 {
		t.Errorf("%d bytes a viewer", each)
	}
	runtime.KeepAlive(kept)
}

func BenchmarkSend(b *testing.B) {
	e, l, u := newEgress(b, 8)
	b.ReportAllocs()
	for b.Loop() {
		_ = e.send(l, u, 0, 8)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8, "ns/packet")
}
