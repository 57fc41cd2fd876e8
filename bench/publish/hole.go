package publish

import (
	"net"
	"sync/atomic"
)

// Hole is a black hole between a publisher and the server: while it is open, nothing passes either way.
type Hole struct{ open atomic.Bool }

// Open makes all packets disappear.
func (h *Hole) Open() { h.open.Store(true) }

// Close lets packets pass again.
func (h *Hole) Close() { h.open.Store(false) }

// holeConn is a socket behind a Hole.
type holeConn struct {
	net.PacketConn
	hole *Hole
}

func (c holeConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.hole.open.Load() {
			return n, from, err
		}
	}
}

func (c holeConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.hole.open.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}
