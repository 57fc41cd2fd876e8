//go:build linux

package crowd

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
)

const whepText = `v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=setup:active
a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host
a=candidate:2 1 udp 2130706431 127.0.0.1 8189 typ host
a=candidate:3 1 tcp 1671430143 192.0.2.1 8189 typ host tcptype passive
a=candidate:4 1 udp 2130706431 192.0.2.2 8189 typ host
m=video 9 UDP/TLS/RTP/SAVPF 102 103
c=IN IP4 0.0.0.0
a=extmap:5 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
`

func TestParseWHEP(t *testing.T) {
	got, err := parseWHEP(strings.ReplaceAll(whepText, "\n", "\r\n"))
	want := whepAnswer{
		ufrag: "abcd", pwd: "0123456789012345678901", active: true, twcc: 5, video: 102,
		server: netip.MustParseAddrPort("127.0.0.1:8189"),
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseWHEP("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"); !errors.Is(err, ErrWHEPAnswer) {
		t.Errorf("of an empty one: %v", err)
	}
}

func TestOffer(t *testing.T) {
	var desc sdp.SessionDescription
	text := offer("ufrag", "pwd", "AA:BB", netip.MustParseAddrPort("127.0.0.1:4000"))
	if err := desc.UnmarshalString(text); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if len(desc.MediaDescriptions) != 2 {
		t.Errorf("%d sections", len(desc.MediaDescriptions))
	}
}

func TestNALReader(t *testing.T) {
	var r nalReader
	var got []string
	see := func(nal []byte) { got = append(got, string(nal)) }
	r.read(9, []byte("\x65whole"), see)
	r.read(10, []byte("\x78\x00\x02ab\x00\x03cde"), see) // STAP-A
	r.read(11, []byte("\x7c\x85be"), see)                // FU-A: start
	r.read(12, []byte("\x7c\x05gi"), see)                //
	r.read(13, []byte("\x7c\x45n!"), see)                // end
	r.read(14, []byte("\x7c\x85lo"), see)                // start
	r.read(16, []byte("\x7c\x45st"), see)                // behind a loss
	r.read(17, []byte("\x7c"), see)                      // too short
	r.read(18, []byte("\x78\x00\x09short"), see)         // a size that lies
	r.read(19, []byte("\x61more"), see)                  //
	want := []string{"\x65whole", "ab", "cde", "\x65begin!", "\x61more"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzNALReader(f *testing.F) {
	f.Add([]byte("\x7c\x85be"), []byte("\x7c\x45n!"))
	f.Add([]byte("\x78\x00\x02ab"), []byte(""))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var r nalReader
		total := 0
		for i, p := range [][]byte{a, b} {
			r.read(uint16(i), p, func(nal []byte) { total += len(nal) })
		}
		if total > len(a)+len(b) {
			t.Errorf("%d bytes of %d", total, len(a)+len(b))
		}
	})
}

func TestStream(t *testing.T) {
	s := &stream{ssrc: 7}
	for _, seq := range []uint16{65533, 65534, 1, 0, 2} { // 65535 is lost, two came in the other order
		s.saw(seq)
	}
	if s.expected() != 6 || s.received != 5 || s.highest != 65536+2 {
		t.Errorf("expected %d, received %d, highest %d", s.expected(), s.received, s.highest)
	}
	now := time.Now()
	s.report, s.reported = 42, now.Add(-time.Second/2)
	want := rtcp.ReceptionReport{SSRC: 7, FractionLost: 256 / 6, TotalLost: 1, LastSequenceNumber: 65536 + 2, LastSenderReport: 42, Delay: 1 << 15}
	if got := s.block(now); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := s.block(now); got.FractionLost != 0 || got.TotalLost != 1 {
		t.Errorf("then %+v", got)
	}
}

func TestFeedback(t *testing.T) {
	f := feedback{arrivals: twcc.NewRecorder(ownSSRC)}
	now := time.Now()
	streams := map[uint32]*stream{7: {ssrc: 7, received: 1}}
	for seq := range uint16(3) {
		f.arrivals.Record(7, seq, now.UnixMicro())
	}
	first := f.packets(streams, now)
	if len(first) != 2 {
		t.Fatalf("got %v", first)
	}
	if rr, ok := first[0].(*rtcp.ReceiverReport); !ok || len(rr.Reports) != 1 {
		t.Errorf("got %v", first[0])
	}
	if cc, ok := first[1].(*rtcp.TransportLayerCC); !ok || cc.PacketStatusCount != 3 {
		t.Errorf("got %v", first[1])
	}
	if again := f.packets(streams, now); len(again) != 0 {
		t.Errorf("there is nothing to tell, but %v", again)
	}
}

func TestEach(t *testing.T) {
	var got [][]byte
	see := func(nal []byte) { got = append(got, nal) }
	each([]byte{0, 0, 0, 2, 'a', 'b', 0, 0, 0, 1, 'c'}, see)
	each([]byte{0, 0, 0, 9, 'a'}, see)
	each([]byte{0, 0}, see)
	if !bytes.Equal(bytes.Join(got, []byte("|")), []byte("ab|c")) {
		t.Errorf("got %q", got)
	}
}
