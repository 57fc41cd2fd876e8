package rtc

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	pion "github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"

	"weir/rtc/udp"
)

const (
	// rest is how long a busy socket is left alone once it is empty, so that the packets of many publishers are read
	// in one call: a packet that comes alone wakes a thread and then each goroutine on its way.
	rest = 2 * time.Millisecond
	// A socket is busy when more than busyPackets came in the last busyWindow; those of five publishers do.
	busyWindow  = 100 * time.Millisecond
	busyPackets = 50
)

// hurry counts the connections that are coming up. They are a matter of round trips, so no socket rests meanwhile.
type hurry struct{ n atomic.Int32 }

// begin counts a connection until it calls the function that is returned, for the first time.
func (h *hurry) begin() (over func()) {
	h.n.Add(1)
	return sync.OnceFunc(func() { h.n.Add(-1) })
}

// socket is a UDP socket for the media of all peers. It is read by one goroutine.
type socket struct {
	*net.UDPConn
	hurry    *hurry
	local    netip.AddrPort
	receiver *udp.Receiver
	sender   *udp.Socket // for media that is written past the stack

	busy    bool      // there were many packets in the last window
	begin   time.Time // of the window
	packets int       // in it
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (s *socket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	if s.receiver.Left() > 0 {
		return s.receiver.ReadFromAddrPort(b)
	}
	if s.busy && s.receiver.Drained() && s.hurry.n.Load() == 0 {
		time.Sleep(rest)
	}
	n, from, err := s.receiver.ReadFromAddrPort(b)
	s.note(time.Now(), 1+s.receiver.Left())
	return n, from, err
}

// note counts packets that came now.
func (s *socket) note(now time.Time, packets int) {
	s.packets += packets
	if length := now.Sub(s.begin); length > busyWindow {
		s.busy = s.packets > busyPackets && length < 2*busyWindow
		s.begin, s.packets = now, 0
	}
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(b, to)
}

// newSocket takes a connection in among the engine's sockets.
func (e *Engine) newSocket(conn *net.UDPConn) (*socket, error) {
	sender, err := udp.NewSocket(conn)
	if err != nil {
		return nil, err
	}
	_ = conn.SetWriteBuffer(udpWriteBuffer) // as much as the system allows
	receiver, err := udp.NewReceiver(conn)
	if err != nil {
		return nil, err
	}
	s := &socket{
		UDPConn: conn, hurry: &e.hurry, local: conn.LocalAddr().(*net.UDPAddr).AddrPort(), receiver: receiver, sender: sender,
	}
	e.sockets = append(e.sockets, s)
	return s, nil
}

// machine is the network of this machine with the engine's UDP sockets.
type machine struct {
	*stdnet.Net
	engine *Engine
}

// ListenUDP implements transport.Net.
func (m *machine) ListenUDP(network string, addr *net.UDPAddr) (pion.UDPConn, error) {
	conn, err := net.ListenUDP(network, addr)
	if err != nil {
		return nil, err
	}
	s, err := m.engine.newSocket(conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}
