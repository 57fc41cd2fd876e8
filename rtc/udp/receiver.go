package udp

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

const (
	mostReceived = 32   // datagrams that one call takes
	receiveSize  = 2048 // bytes of one; Ethernet carries less
)

// Receiver reads a UDP socket, as many datagrams in one system call as there are, and hands them out one by one. It is for
// one goroutine, and does not own the socket.
type Receiver struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	inbox   *inbox
	left    int
	drained bool
}

// NewReceiver prepares a socket for reading.
func NewReceiver(conn *net.UDPConn) (*Receiver, error) {
	r := &Receiver{conn: conn}
	var err error
	if r.raw, err = conn.SyscallConn(); err != nil {
		return nil, fmt.Errorf("cannot reach the UDP socket: %w", err)
	}
	r.init()
	return r, nil
}

// ReadFromAddrPort copies the next datagram to b. It waits while there is none.
func (r *Receiver) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) { return r.read(b) }

// Left is how many datagrams are at hand, for which no call is needed.
func (r *Receiver) Left() int { return r.left }

// Drained tells whether the socket had no more than what was read from it last.
func (r *Receiver) Drained() bool { return r.drained }
