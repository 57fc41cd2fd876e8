package rtc

import (
	"errors"
	"net"
	"net/netip"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	pion "github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"

	"weir/rtc/udp"
)

// Outgoing makes an ICE agent that goes out to another server, by UDP sockets of its own, one for each of the machine's
// addresses that is used; closing the agent closes them. The media port would not do: a server tells its sessions' media
// apart by where it comes from (RFC 8445 has no other mark on it), so that two sessions of one port would be one to it.
// What the agent writes beside ICE itself leaves word in the route; candidates of loopback are there if that is asked for.
func (e *Engine) Outgoing(loopback bool, more ...ice.AgentOption) (*ice.Agent, *Route, error) {
	own, err := stdnet.NewNet()
	if err != nil {
		return nil, nil, err
	}
	r := new(Route)
	more = append([]ice.AgentOption{
		ice.WithUDPMux(nil), ice.WithTCPMux(nil), ice.WithNet(&outlets{Net: own, route: r}),
		ice.WithIPFilter(func(ip net.IP) bool { return (loopback || !ip.IsLoopback()) && e.goesOutBy(ip) }),
	}, more...)
	a, err := e.Agent(more...)
	return a, r, err
}

// goesOutBy tells whether an address of this machine is one of the media port's.
func (e *Engine) goesOutBy(ip net.IP) bool {
	if e.only.IsValid() && !ip.Equal(e.only.AsSlice()) {
		return false
	}
	return e.uses == nil || e.uses(ip)
}

// outlets is the network of this machine for one agent.
type outlets struct {
	*stdnet.Net
	route *Route
}

// ListenUDP implements transport.Net.
func (o *outlets) ListenUDP(network string, addr *net.UDPAddr) (pion.UDPConn, error) {
	conn, err := net.ListenUDP(network, addr)
	if err != nil {
		return nil, err
	}
	sender, err := udp.NewSocket(conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetWriteBuffer(udpWriteBuffer) // as much as the system allows
	return &outlet{UDPConn: conn, sender: sender, route: o.route}, nil
}

// outlet is one of an agent's sockets. Its agent reads it.
type outlet struct {
	*net.UDPConn
	sender *udp.Socket // for media that is written past the stack
	route  *Route
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (o *outlet) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return o.ReadFromUDPAddrPort(b)
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (o *outlet) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if !stun.IsMessage(b) {
		o.route.last.Store(&Hop{o.sender, to})
	}
	return o.WriteToUDPAddrPort(b, to)
}
