package peer

import (
	"net"
	"time"

	"github.com/pion/ice/v4"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// nowhere is an address for those who ask; ICE knows where packets go.
var nowhere = new(net.UDPAddr)

// channel is the path as DTLS sees it. Whoever reads from it brings the RTCP on the way where it belongs.
type channel struct {
	*ice.Conn
	peer *Peer
}

// ReadFrom implements net.PacketConn. It returns packets of DTLS and keeps the others (RFC 7983 7).
func (c *channel) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, err := c.Read(b)
		if err != nil {
			return 0, nil, err
		}
		switch {
		case n == 0:
		case b[0] >= 20 && b[0] <= 63:
			return n, nowhere, nil
		case b[0] >= 128 && b[0] <= 191:
			c.peer.receive(b[:n])
		}
	}
}

// WriteTo implements net.PacketConn.
func (c *channel) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// Close implements net.PacketConn. The agent is closed by whoever made it: until then the path is needed for a goodbye.
func (c *channel) Close() error { return c.SetReadDeadline(past) }

// LocalAddr implements net.PacketConn.
func (c *channel) LocalAddr() net.Addr { return nowhere }
