package rtc

import (
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"weir/rtc/udp"
)

// Route knows the way that the packets of one agent take. Only what is written tells: candidates have the addresses that
// stand for the machine's own, and those of TCP look like the others. It is safe for concurrent use.
type Route struct{ last atomic.Pointer[Hop] }

// Hop is the socket that a packet left by, and where to.
type Hop struct {
	Socket *udp.Socket
	To     netip.AddrPort
}

// Take returns the way of the last packet since the call before. It is false when there was none, or it went over TCP.
func (r *Route) Take() (Hop, bool) {
	h := r.last.Swap(nil)
	if h == nil {
		return Hop{}, false
	}
	return *h, true
}

// Routed makes an ICE agent on the media port as Agent does, whose packets beside those of ICE itself leave word in the route. Its
// candidates include those of loopback if that is asked for.
func (e *Engine) Routed(loopback bool, more ...ice.AgentOption) (*ice.Agent, *Route, error) {
	r := new(Route)
	more = append([]ice.AgentOption{ice.WithUDPMux(&routedMux{UDPMux: e.udp, engine: e, route: r, loopback: loopback})}, more...)
	if !loopback {
		more = append(more, ice.WithIPFilter(func(ip net.IP) bool {
			return !ip.IsLoopback() && (e.uses == nil || e.uses(ip))
		}))
	}
	a, err := e.Agent(more...)
	return a, r, err
}

// routedMux is the UDP port as one agent sees it.
type routedMux struct {
	ice.UDPMux
	engine   *Engine
	route    *Route
	loopback bool
}

// GetListenAddresses implements ice.UDPMux.
func (m *routedMux) GetListenAddresses() []net.Addr {
	all := m.UDPMux.GetListenAddresses()
	if m.loopback {
		return all
	}
	return slices.DeleteFunc(all, func(a net.Addr) bool {
		u, ok := a.(*net.UDPAddr)
		return ok && u.IP.IsLoopback()
	})
}

// GetConn implements ice.UDPMux.
func (m *routedMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	conn, err := m.UDPMux.GetConn(ufrag, addr)
	if err != nil {
		return nil, err
	}
	through, ok := conn.(ice.AddrPortReaderWriter)
	local, isUDP := addr.(*net.UDPAddr)
	if !ok || !isUDP {
		return conn, nil
	}
	for _, s := range m.engine.sockets {
		if s.local == local.AddrPort() {
			return &routedConn{PacketConn: conn, AddrPortReaderWriter: through, socket: s.sender, route: m.route}, nil
		}
	}
	return conn, nil
}

// routedConn is an agent's share of one socket.
type routedConn struct {
	net.PacketConn
	ice.AddrPortReaderWriter
	socket *udp.Socket
	route  *Route
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (c *routedConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if !stun.IsMessage(b) {
		c.route.last.Store(&Hop{c.socket, to})
	}
	return c.AddrPortReaderWriter.WriteToAddrPort(b, to)
}
