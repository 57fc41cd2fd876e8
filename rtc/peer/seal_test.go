package peer

import (
	"bytes"
	"math"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

var profiles = map[string]struct {
	profile   srtp.ProtectionProfile
	key, salt int
}{
	"AES-128-GCM": {srtp.ProtectionProfileAeadAes128Gcm, 16, 12},
	"AES-256-GCM": {srtp.ProtectionProfileAeadAes256Gcm, 32, 12},
	"AES-CM":      {srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14},
}

func secret(n int) []byte { return bytes.Repeat([]byte{0x5a, 0xc3, 7}, n)[:n] }

// Another implementation opens what is sealed, also where sequence numbers go round (RFC 3711 3.3.1), where a packet is
// sent again, and from several sources.
func TestSeal(t *testing.T) {
	for name, c := range profiles {
		t.Run(name, func(t *testing.T) {
			s, err := newSealer(c.profile, secret(c.key), secret(c.salt))
			if err != nil {
				t.Fatal(err)
			}
			other, err := srtp.CreateContext(secret(c.key), secret(c.salt), c.profile, srtp.SRTPNoReplayProtection())
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, maxPacket)
			send := func(ssrc uint32, number uint16) {
				t.Helper()
				h := &rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: number, PayloadType: 96, Marker: number%8 == 0}
				if err := h.SetExtension(1, []byte{byte(number), 1}); err != nil {
					t.Fatal(err)
				}
				want := bytes.Repeat([]byte{byte(number)}, int(number%50))
				n, err := s.seal(buf, h, want)
				if err != nil {
					t.Fatal(err)
				}
				plain, err := other.DecryptRTP(nil, buf[:n], nil)
				if err != nil {
					t.Fatalf("packet %d of %d: %v", number, ssrc, err)
				}
				var p rtp.Packet
				if err := p.Unmarshal(plain); err != nil || !bytes.Equal(p.Payload, want) || p.SSRC != ssrc || p.SequenceNumber != number {
					t.Fatalf("packet %d of %d came out as %v (%v)", number, ssrc, p.Header, err)
				}
			}
			number := uint16(65000)
			for range 2*65536 + 1000 {
				send(1, number)
				if number%1000 == 0 {
					send(1, number-900)
					send(2, number)
				}
				number++
			}
		})
	}
}

func TestSealKnowsItsBounds(t *testing.T) {
	c := profiles["AES-128-GCM"]
	s, err := newSealer(c.profile, secret(c.key), secret(c.salt))
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, maxPacket)
	if _, err := s.seal(buf, &rtp.Header{SSRC: 1, SequenceNumber: 5}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.seal(buf, &rtp.Header{SSRC: 1, SequenceNumber: 65535}, nil); err == nil {
		t.Error("a packet from before the first has a key stream")
	}
	s.sources[0].highest = 1<<48 - 1
	if _, err := s.seal(buf, &rtp.Header{SSRC: 1, SequenceNumber: 0}, nil); err == nil {
		t.Error("RFC 3711 9.2: a key secures more than 2^48 packets")
	}
}

func FuzzOpen(f *testing.F) {
	c := profiles["AES-128-GCM"]
	seal, err := newRTCPSealer(c.profile, secret(c.key), secret(c.salt))
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range []rtcp.Packet{
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 3}}},
		&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 2, Jitter: math.MaxUint32}}},
	} {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Add([]byte{0x80, 200}, false)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		in, err := newOpener(c.profile, secret(c.key), secret(c.salt))
		if err != nil {
			t.Fatal(err)
		}
		if sealed && len(b) >= 8 { // what an attacker sends who is the viewer
			dst := make([]byte, len(b)+rtcpOverhead)
			n, err := seal.seal(dst, b)
			if err != nil {
				return
			}
			b = dst[:n]
		}
		in.open(b)
	})
}

// A report of arrivals that tells of more packets than a viewer can have got is not read at all.
func TestReportsThatSwell(t *testing.T) {
	c := profiles["AES-128-GCM"]
	for count, want := range map[uint16]int{40: 2, maxStatuses: 2, maxStatuses + 1: 0, math.MaxUint16: 0} {
		report := &rtcp.TransportLayerCC{
			Header:            rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 4},
			PacketStatusCount: count,
		}
		for left := int(count); left > 0; left -= 8191 {
			report.PacketChunks = append(report.PacketChunks, &rtcp.RunLengthChunk{RunLength: uint16(min(left, 8191))})
		}
		report.Header.Length = uint16(report.MarshalSize()/4 - 1)
		raw, err := rtcp.Marshal([]rtcp.Packet{&rtcp.PictureLossIndication{}, report})
		if err != nil {
			t.Fatal(err)
		}
		seal, err := newRTCPSealer(c.profile, secret(c.key), secret(c.salt))
		if err != nil {
			t.Fatal(err)
		}
		in, err := newOpener(c.profile, secret(c.key), secret(c.salt))
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, len(raw)+rtcpOverhead)
		n, err := seal.seal(b, raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := in.open(b[:n]); len(got) != want {
			t.Errorf("%d packets of a report of %d arrivals, want %d", len(got), count, want)
		}
	}
}

func FuzzDigests(f *testing.F) {
	f.Add("sha-256 AB:CD")
	f.Add("sha-512 ")
	f.Fuzz(func(t *testing.T, s string) {
		if list, err := digests([]string{s}); err == nil && len(list) != 1 {
			t.Errorf("%q gives %d digests", s, len(list))
		}
	})
}
