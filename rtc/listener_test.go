package rtc

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// isClosed waits until the other side has closed a connection on which it sends nothing.
func isClosed(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	switch n, err := io.Copy(io.Discard, c); {
	case n > 0:
		t.Errorf("%d bytes came", n)
	case errors.As(err, &timeout) && timeout.Timeout():
		t.Error("the connection stays open")
	}
}

// dial opens n connections.
func dial(t *testing.T, addr string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		c := must(net.Dial("tcp", addr))
		t.Cleanup(func() { _ = c.Close() })
		conns[i] = c
	}
	return conns
}

// accepting is a listener and what it accepts. The channel is closed when it accepts no more.
func accepting(t *testing.T, most, mostEach int) (*listener, <-chan net.Conn) {
	l := newListener(must(net.Listen("tcp", "127.0.0.1:0")), most, mostEach)
	accepted := make(chan net.Conn, 16)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		for range accepted { //nolint:revive // until the goroutine is over
		}
	})
	return l, accepted
}

// A connection too many is closed at once, and a place is free again as soon as one of the others is closed.
func TestListenerBounds(t *testing.T) {
	for _, tc := range []struct {
		name           string
		most, mostEach int
	}{
		{"in all", 3, 100},
		{"from one address", 100, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, accepted := accepting(t, tc.most, tc.mostEach)
			addr := l.Addr().String()
			dial(t, addr, 3)
			first := <-accepted
			for range 2 {
				<-accepted
			}
			for range 2 {
				isClosed(t, dial(t, addr, 1)[0])
			}
			if n := l.refused.Load(); n != 2 {
				t.Errorf("%d refused connections are counted", n)
			}
			for range 2 { // the second Close frees nothing
				_ = first.Close()
			}
			dial(t, addr, 1)
			<-accepted
			isClosed(t, dial(t, addr, 1)[0])
		})
	}
}

// With the listener, its connections are closed.
func TestListenerClosesItsConnections(t *testing.T) {
	l, accepted := accepting(t, 10, 10)
	clients := dial(t, l.Addr().String(), 3)
	var servers []net.Conn
	for range clients {
		servers = append(servers, <-accepted)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range clients {
		isClosed(t, c)
	}
	for _, c := range servers {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closing a closed connection gives %v", err)
		}
	}
	if l.count() != 0 || len(l.each) != 0 {
		t.Errorf("%d connections from %d networks are left", l.count(), len(l.each))
	}
}

// An IPv6 client has a /64 of addresses and is one client.
func TestListenerCountsNetworks(t *testing.T) {
	for _, tc := range []struct{ addr, want string }{
		{"192.0.2.1:1000", "192.0.2.1/32"},
		{"[::ffff:192.0.2.1]:1000", "192.0.2.1/32"}, // a socket of both families
		{"[2001:db8:1:2:3:4:5:6]:1000", "2001:db8:1:2::/64"},
		{"[fe80::1%eth0]:1000", "fe80::/64"},
	} {
		if got := network(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tc.addr))); got.String() != tc.want {
			t.Errorf("%s is of %v, want %s", tc.addr, got, tc.want)
		}
	}
}

// count is the number of open connections.
func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// failingListener is a listener of which the first calls of Accept fail.
type failingListener struct {
	net.Listener
	failures atomic.Int32
	err      error
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, l.err
	}
	return l.Listener.Accept()
}

// An Accept that fails is tried again until the listener is closed: TCP outlives a moment without descriptors.
func TestListenerOutlivesFailures(t *testing.T) {
	t.Parallel()
	socket := must(net.Listen("tcp", "127.0.0.1:0"))
	flaky := &failingListener{Listener: socket, err: &net.OpError{Op: "accept", Err: syscall.EMFILE}}
	flaky.failures.Store(5)
	l := newListener(flaky, 10, 10)
	client := must(net.Dial("tcp", socket.Addr().String()))
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	flaky.failures.Store(1 << 20)
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a closed listener accepts")
		}
	case <-time.After(patience):
		t.Error("a closed listener goes on")
	}
}
