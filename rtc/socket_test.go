package rtc

import (
	"net"
	"testing"
	"time"

	"weir/rtc/udp"
)

// TestSocketRests: a socket that is busy is read in bursts, unless a connection is coming up, and every packet comes.
func TestSocketRests(t *testing.T) {
	for _, c := range []struct {
		name          string
		busy, hurried bool
		rests         bool
	}{
		{"busy", true, false, true},
		{"busy, and a connection is coming up", true, true, false},
		{"quiet", false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			sender, err := net.DialUDP("udp4", nil, conn.LocalAddr().(*net.UDPAddr))
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			h := new(hurry)
			if c.hurried {
				defer h.begin()()
			}
			s := &socket{UDPConn: conn, hurry: h, receiver: must(udp.NewReceiver(conn)), busy: c.busy, begin: time.Now()}
			var buf [16]byte
			begin := time.Now()
			for i := range byte(20) { // each is waited for
				if _, err := sender.Write([]byte{i}); err != nil {
					t.Fatal(err)
				}
				if n, from, err := s.ReadFromAddrPort(buf[:]); err != nil || n != 1 || buf[0] != i || from.Port() == 0 {
					t.Fatalf("packet %d: %d bytes % x from %v: %v", i, n, buf[:n], from, err)
				}
				s.busy = c.busy
			}
			if took := time.Since(begin); c.rests && took < 19*rest {
				t.Errorf("20 packets were read in %v", took)
			}
		})
	}
}

// TestSocketIsBusy: many packets in a window make a socket busy, and a quiet time ends that.
func TestSocketIsBusy(t *testing.T) {
	s := &socket{hurry: new(hurry)}
	now := time.Now()
	s.note(now, 1)
	s.note(now.Add(busyWindow/2), busyPackets+1)
	if s.note(now.Add(busyWindow+1), 1); !s.busy {
		t.Error("not busy behind many packets")
	}
	if s.note(now.Add(5*busyWindow), 1); s.busy {
		t.Error("busy behind a quiet time")
	}
}

func TestHurryEndsOnce(t *testing.T) {
	h := new(hurry)
	over := h.begin()
	h.begin()
	over()
	over()
	if n := h.n.Load(); n != 1 {
		t.Errorf("%d connections are coming up, want 1", n)
	}
}
