package peer

import (
	"net"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"weir/rtc/udp"
)

// newSender is a peer whose connection is up and whose packets go to a socket that nobody reads.
func newSender(t testing.TB, from *udp.Socket, profile srtp.ProtectionProfile, key, salt int) *Peer {
	t.Helper()
	p := new(Peer)
	p.state.Store(up)
	var err error
	if p.out, err = newSealer(profile, secret(key), secret(salt)); err != nil {
		t.Fatal(err)
	}
	if p.rtcp, err = newRTCPSealer(profile, secret(key), secret(salt)); err != nil {
		t.Fatal(err)
	}
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	_ = sink.SetReadBuffer(32 << 10) // soon full
	p.way.socket = from
	if p.way.path, err = from.Path(sink.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	return p
}

func newSocket(t testing.TB) *udp.Socket {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s, err := udp.NewSocket(conn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// picture writes the packets of one picture.
func picture(t testing.TB, p *Peer, h *rtp.Header, payload []byte, packets int) {
	for range packets {
		h.SequenceNumber++
		if err := p.WriteRTP(h, payload); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	for _, name := range []string{"AES-128-GCM", "AES-256-GCM"} { // AES-CM is by another hand
		t.Run(name, func(t *testing.T) {
			c := profiles[name]
			p := newSender(t, newSocket(t), c.profile, c.key, c.salt)
			h, payload := header(1), make([]byte, 1100)
			if err := h.SetExtension(1, []byte{0, 1}); err != nil {
				t.Fatal(err)
			}
			p.batch = udp.Take() // the race detector makes pools forget
			got := testing.AllocsPerRun(100, func() {
				for range 8 {
					h.SequenceNumber++
					if err := p.WriteRTP(h, payload); err != nil {
						t.Fatal(err)
					}
				}
				p.send()
			})
			if got != 0 {
				t.Errorf("%v allocations a picture", got)
			}
		})
	}
}

// Many packets leave without another Flush: the batch is sent when it is full.
func TestABatchThatIsFullLeaves(t *testing.T) {
	c, s := profiles["AES-128-GCM"], newSocket(t)
	p := newSender(t, s, c.profile, c.key, c.salt)
	picture(t, p, header(1), make([]byte, 1100), 1000)
	if f := s.Figures(); f.Datagrams != 1000 || f.Calls > 30 {
		t.Errorf("figures are %+v", f)
	}
	if p.batch != nil {
		t.Error("the batch is held behind Flush")
	}
}

// BenchmarkPicture is what a picture of eight packets costs a viewer, of 200 that take turns: header, encryption and the
// system call, and on loopback the receiving half.
func BenchmarkPicture(b *testing.B) {
	const viewers, packets = 200, 8
	for name, c := range profiles {
		b.Run(name, func(b *testing.B) {
			s := newSocket(b)
			var peers []*Peer
			for range viewers {
				peers = append(peers, newSender(b, s, c.profile, c.key, c.salt))
			}
			h, payload := header(1), make([]byte, 1150)
			if err := h.SetExtension(1, []byte{0, 1}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				picture(b, peers[i%viewers], h, payload, packets)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets), "ns/packet")
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	for name, c := range profiles {
		b.Run(name, func(b *testing.B) {
			s, err := newSealer(c.profile, secret(c.key), secret(c.salt))
			if err != nil {
				b.Fatal(err)
			}
			h, payload, dst := header(1), make([]byte, 1150), make([]byte, maxPacket)
			for b.Loop() {
				h.SequenceNumber++
				if _, err := s.seal(dst, h, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
