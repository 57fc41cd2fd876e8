package udp

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// Every datagram comes as it was sent, in order and with its sender, however many there are at a time.
func TestReceiver(t *testing.T) {
	for name, s := range map[string]struct{ network, local, remote string }{
		"IPv4":               {"udp4", "127.0.0.1:0", "127.0.0.1:0"},
		"IPv6":               {"udp6", "[::1]:0", "[::1]:0"},
		"IPv4 to dual stack": {"udp", "[::]:0", "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, at := open(t, s.network, s.local)
			sender, from := open(t, "udp", s.remote)
			to := &net.UDPAddr{IP: from.Addr().AsSlice(), Port: int(at.Port())}
			r, err := NewReceiver(conn)
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, receiveSize)
			for _, burst := range []int{1, 5, mostReceived, 3*mostReceived + 1} {
				for i := range burst {
					if _, err := sender.WriteTo(bytes.Repeat([]byte{byte(i)}, i+1), to); err != nil {
						t.Fatal(err)
					}
				}
				_ = conn.SetReadDeadline(time.Now().Add(long))
				for i := range burst {
					n, who, err := r.ReadFromAddrPort(buf)
					if err != nil {
						t.Fatal(err)
					}
					if n != i+1 || buf[0] != byte(i) || who.Addr().Unmap() != from.Addr().Unmap() || who.Port() != from.Port() {
						t.Fatalf("datagram %d of %d has %d bytes of %d and comes from %v", i, burst, n, buf[0], who)
					}
				}
				if r.Left() != 0 {
					t.Errorf("%d datagrams are left of %d", r.Left(), burst)
				}
			}
		})
	}
}

func TestReceiverEndsWithItsSocket(t *testing.T) {
	conn, _ := open(t, "udp4", "127.0.0.1:0")
	r, err := NewReceiver(conn)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now())
	if _, _, err := r.ReadFromAddrPort(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("behind its deadline: %v", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	over := make(chan error, 1)
	go func() {
		_, _, err := r.ReadFromAddrPort(make([]byte, 10))
		over <- err
	}()
	_ = conn.Close()
	select {
	case err := <-over:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("behind its end: %v", err)
		}
	case <-time.After(long):
		t.Error("it still waits")
	}
}

func TestReceiverAllocatesNothing(t *testing.T) {
	conn, to := open(t, "udp4", "127.0.0.1:0")
	r, err := NewReceiver(conn)
	if err != nil {
		t.Fatal(err)
	}
	s := newSocket(t, conn)
	path, err := s.Path(to)
	if err != nil {
		t.Fatal(err)
	}
	b, buf := Take(), make([]byte, receiveSize)
	defer b.Release()
	got := testing.AllocsPerRun(100, func() {
		for range 8 {
			b.Add(1000)
		}
		if err := s.Send(b, path); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if _, _, err := r.ReadFromAddrPort(buf); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a burst", got)
	}
}

// BenchmarkReceive reads bursts of twelve datagrams, as twelve publishers make in the time that a busy socket is left
// alone. Half of the time is the sender's.
func BenchmarkReceive(b *testing.B) {
	const burst = 12
	for _, name := range []string{"one by one", "many"} {
		b.Run(name, func(b *testing.B) {
			conn, to := open(b, "udp4", "127.0.0.1:0")
			r, err := NewReceiver(conn)
			if err != nil {
				b.Fatal(err)
			}
			read := r.ReadFromAddrPort
			if name == "one by one" {
				read = conn.ReadFromUDPAddrPort
			}
			s := newSocket(b, conn)
			path, err := s.Path(to)
			if err != nil {
				b.Fatal(err)
			}
			batch, buf := Take(), make([]byte, receiveSize)
			defer batch.Release()
			b.ReportAllocs()
			for b.Loop() {
				for range burst {
					batch.Add(1100)
				}
				if err := s.Send(batch, path); err != nil {
					b.Fatal(err)
				}
				for range burst {
					if _, _, err := read(buf); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/datagram")
		})
	}
}
