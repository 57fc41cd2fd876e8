package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// long is for machines that are busy with other things.
const long = 30 * time.Second

func open(t testing.TB, network, address string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	addr, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP(network, addr)
	if err != nil {
		t.Skipf("no socket on %s here: %v", address, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadBuffer(4 << 20)
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func newSocket(t testing.TB, conn *net.UDPConn) *Socket {
	t.Helper()
	s, err := NewSocket(conn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fill puts a datagram of each size into the batch, no two alike.
func fill(b *Batch, sizes []int) (want [][]byte) {
	for i, size := range sizes {
		room := b.Room()
		for j := range size {
			room[j] = byte(i*31 + j*7)
		}
		b.Add(size)
		want = append(want, bytes.Clone(room[:size]))
	}
	return want
}

// receive reads as many datagrams as are wanted and compares them byte for byte.
func receive(t *testing.T, conn *net.UDPConn, want [][]byte) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(long))
	buf := make([]byte, 65536)
	for i, w := range want {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("datagram %d of %d: %v", i, len(want), err)
		}
		if !bytes.Equal(buf[:n], w) {
			t.Fatalf("datagram %d has %d bytes that are not the %d sent", i, n, len(w))
		}
	}
}

// shapes are sizes of the datagrams of a picture.
var shapes = map[string][]int{
	"one":                     {100},
	"equal":                   {1200, 1200, 1200, 1200},
	"last shorter":            {1200, 1200, 1200, 7},
	"a short one first":       {60, 1200, 1200, 300},
	"longer behind shorter":   {1200, 900, 901, 901, 5, 1200},
	"all different":           {10, 20, 30, 40, 50},
	"empty":                   {},
	"as many as there may be": slices.Repeat([]int{900}, maxDatagrams),
	"as much as there may be": slices.Repeat([]int{1400}, maxBytes/1400),
	"of one byte":             {1, 1, 1},
}

func TestEveryDatagramArrivesAsItIs(t *testing.T) {
	sockets := map[string]struct{ network, local, remote string }{
		"IPv4":                 {"udp4", "127.0.0.1:0", "127.0.0.1:0"},
		"IPv6":                 {"udp6", "[::1]:0", "[::1]:0"},
		"IPv4 from dual stack": {"udp", "[::]:0", "127.0.0.1:0"},
		"IPv6 from dual stack": {"udp", "[::]:0", "[::1]:0"},
	}
	for name, s := range sockets {
		for _, w := range []way{segmented, many, single} {
			t.Run(fmt.Sprint(name, " way ", w), func(t *testing.T) {
				conn, _ := open(t, s.network, s.local)
				receiver, to := open(t, "udp", s.remote)
				socket := newSocket(t, conn)
				if way(socket.best.Load()) > w {
					t.Skip("the system does not know it")
				}
				socket.best.Store(int32(w))
				path, err := socket.Path(to)
				if err != nil {
					t.Fatal(err)
				}
				batch := Take()
				defer batch.Release()
				total := 0
				for shape, sizes := range shapes {
					want := fill(batch, sizes)
					if err := socket.Send(batch, path); err != nil {
						t.Fatalf("%s: %v", shape, err)
					}
					if batch.Len() != 0 {
						t.Errorf("%s: %d datagrams are left", shape, batch.Len())
					}
					receive(t, receiver, want)
					total += len(sizes)
				}
				if f := socket.Figures(); f.Datagrams != uint64(total) || f.Dropped != 0 {
					t.Errorf("figures are %+v after %d datagrams", f, total)
				}
			})
		}
	}
}

func TestRuns(t *testing.T) {
	for name, c := range map[string]struct{ sizes, want []int }{
		"one run":             {[]int{5, 5, 5}, []int{3}},
		"last is shorter":     {[]int{5, 5, 3}, []int{3}},
		"behind a shorter":    {[]int{5, 3, 3}, []int{2, 1}},
		"longer":              {[]int{3, 5}, []int{1, 1}},
		"two of each":         {[]int{5, 5, 7, 7, 2, 2}, []int{2, 3, 1}},
		"one after the other": {[]int{1, 2, 3}, []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := Take()
			defer b.Release()
			fill(b, c.sizes)
			var got []int
			for i := 0; i < b.n; i += b.run(i) {
				got = append(got, b.run(i))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("runs of %v, want %v", got, c.want)
			}
		})
	}
}

func TestBatchIsBounded(t *testing.T) {
	b := Take()
	defer b.Release()
	for range maxDatagrams {
		if len(b.Room()) == 0 {
			t.Fatal("no room for the most datagrams")
		}
		b.Add(1)
	}
	if len(b.Room()) != 0 {
		t.Error("there is room behind the most datagrams")
	}
	b.n = 0
	b.Add(maxBytes)
	if len(b.Room()) != 0 {
		t.Error("there is room behind the last byte")
	}
}

func TestPathRefusesWhatIsNoDestination(t *testing.T) {
	conn, _ := open(t, "udp4", "127.0.0.1:0")
	s := newSocket(t, conn)
	for _, to := range []netip.AddrPort{
		{}, netip.MustParseAddrPort("127.0.0.1:0"),
	} {
		if _, err := s.Path(to); err == nil {
			t.Errorf("%v is taken", to)
		}
	}
}

func TestSendOnAClosedSocketIsAnError(t *testing.T) {
	conn, to := open(t, "udp4", "127.0.0.1:0")
	s := newSocket(t, conn)
	path, err := s.Path(to)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	b := Take()
	defer b.Release()
	fill(b, []int{10, 10})
	if err := s.Send(b, path); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the error is %v", err)
	}
	if f := s.Figures(); f.Dropped != 2 || f.Datagrams != 0 {
		t.Errorf("figures are %+v", f)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	conn, to := open(t, "udp4", "127.0.0.1:0")
	s := newSocket(t, conn)
	path, err := s.Path(to)
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int{1200, 1200, 600}
	b := Take()
	defer b.Release()
	got := testing.AllocsPerRun(100, func() {
		for _, n := range sizes {
			_ = b.Room()
			b.Add(n)
		}
		if err := s.Send(b, path); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a batch", got)
	}
}

// BenchmarkSend sends pictures of eight datagrams of 1,200 bytes to 200 sockets; "ns/datagram" is what counts. On loopback
// the sender pays the receiving half too.
func BenchmarkSend(b *testing.B) {
	const viewers, datagrams = 200, 8
	for name, w := range map[string]way{"segmented": segmented, "many": many, "single": single} {
		b.Run(name, func(b *testing.B) {
			conn, _ := open(b, "udp4", "127.0.0.1:0")
			s := newSocket(b, conn)
			if way(s.best.Load()) > w {
				b.Skip("the system does not know it")
			}
			s.best.Store(int32(w))
			var paths []*Path
			for range viewers {
				receiver, to := open(b, "udp4", "127.0.0.1:0")
				_ = receiver.SetReadBuffer(32 << 10) // soon full: nobody reads
				path, err := s.Path(to)
				if err != nil {
					b.Fatal(err)
				}
				paths = append(paths, path)
			}
			batch := Take()
			defer batch.Release()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for range datagrams {
					batch.Add(1200)
				}
				if err := s.Send(batch, paths[i%viewers]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*datagrams), "ns/datagram")
		})
	}
}
