package rtc

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// How long a listener waits after an Accept that failed, the first time and at most.
const (
	acceptPause    = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// listener bounds the open connections of a TCP listener. One too many is closed at once: it must not wait for
// those that hold the places. Closing the listener closes the connections with it.
type listener struct {
	net.Listener
	most, mostEach int // connections in all, and from one network
	refused        atomic.Uint64
	over           chan struct{} // closed by Close

	mu     sync.Mutex // guards the fields below
	open   map[*mediaConn]struct{}
	each   map[netip.Prefix]int
	closed bool
}

func newListener(l net.Listener, most, mostEach int) *listener {
	return &listener{
		Listener: l, most: most, mostEach: mostEach,
		open: make(map[*mediaConn]struct{}), each: make(map[netip.Prefix]int), over: make(chan struct{}),
	}
}

// Accept returns the next connection that is within the bounds. Only Close ends it: whoever calls it gives up after the
// first error, and one that passes (no descriptors are left) must not be the end of all TCP.
func (l *listener) Accept() (net.Conn, error) {
	pause := acceptPause
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if !l.waits(err, pause) {
				return nil, err
			}
			pause = min(2*pause, acceptPauseMax)
			continue
		}
		pause = acceptPause
		m := &mediaConn{Conn: c, listener: l, from: network(c.RemoteAddr())}
		if l.take(m) {
			return m, nil
		}
		l.refused.Add(1)
		_ = c.Close()
	}
}

// waits pauses after an error; it returns false when the listener is closed.
func (l *listener) waits(err error, pause time.Duration) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	select {
	case <-time.After(pause):
		return true
	case <-l.over:
		return false
	}
}

// network is whose connections are counted together: an IPv4 address, or the /64 that an IPv6 client has to itself.
func network(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	p, _ := ip.Prefix(min(ip.BitLen(), 64)) // in range, so there is no error
	return p
}

func (l *listener) take(c *mediaConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.open) >= l.most || l.each[c.from] >= l.mostEach {
		return false
	}
	l.open[c] = struct{}{}
	l.each[c.from]++
	return true
}

func (l *listener) release(c *mediaConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[c]; !ok {
		return // closed before
	}
	delete(l.open, c)
	if l.each[c.from]--; l.each[c.from] == 0 {
		delete(l.each, c.from)
	}
}

// Close closes the listener and the connections that are open.
func (l *listener) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.over)
	}
	all := make([]*mediaConn, 0, len(l.open))
	for c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
	return l.Listener.Close()
}

// mediaConn is a connection that has a place of its listener until it is closed.
type mediaConn struct {
	net.Conn
	listener *listener
	from     netip.Prefix
}

// Close closes the connection and frees its place.
func (c *mediaConn) Close() error {
	c.listener.release(c)
	return c.Conn.Close()
}
