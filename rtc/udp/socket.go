package udp

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// pause is how long a sender waits whose socket is full: a link of 1 Gbit/s sends a hundred packets meanwhile.
	pause = time.Millisecond
	// patience is how long it does in all. What a picture's time did not make room for is a link that is too narrow.
	patience = 20 * time.Millisecond
)

// way is how the datagrams of a batch are handed to the kernel.
type way int32

const (
	segmented way = iota // a run in one message, many messages in one call
	many                 // many messages in one call
	single               // a call for each
)

// Socket sends batches on a UDP socket. It is safe for concurrent use, and does not own the socket.
type Socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	ip6  bool         // an IPv6 socket, which knows IPv4 addresses as mapped ones
	best atomic.Int32 // the best way that the kernel knows

	calls, datagrams, dropped atomic.Uint64
}

// NewSocket prepares a socket for sending.
func NewSocket(conn *net.UDPConn) (*Socket, error) {
	s := &Socket{conn: conn}
	var err error
	if s.raw, err = conn.SyscallConn(); err != nil {
		return nil, fmt.Errorf("cannot reach the UDP socket: %w", err)
	}
	if err := s.probe(); err != nil {
		return nil, fmt.Errorf("cannot ask what the UDP socket can do: %w", err)
	}
	return s, nil
}

// Figures count what a socket has sent.
type Figures struct {
	Calls     uint64 // system calls
	Datagrams uint64 // that the kernel took
	Dropped   uint64 // that it did not take, since a buffer was full or there is no way there
}

// Figures returns the counters.
func (s *Socket) Figures() Figures {
	return Figures{Calls: s.calls.Load(), Datagrams: s.datagrams.Load(), Dropped: s.dropped.Load()}
}

// Path is a destination as the kernel takes it. It is for one goroutine at a time.
type Path struct {
	to      netip.AddrPort
	address address
	whole   bool // no segments: a network device on the way, or its MTU, does not take them
}

// Path prepares a destination.
func (s *Socket) Path(to netip.AddrPort) (*Path, error) {
	p := &Path{to: to}
	if err := s.resolve(p); err != nil {
		return nil, fmt.Errorf("cannot send to %s: %w", to, err)
	}
	return p, nil
}

// Send sends the datagrams of the batch and empties it. A full buffer, as bursts to many viewers make it on a link that is
// slower than the machine, is waited for: 20 ms at most, and without a lock that others need. What then finds no room is
// dropped and counted. An error says why there is no way to the destination; what could not be sent is counted as dropped.
func (s *Socket) Send(b *Batch, to *Path) error {
	if b.n == 0 {
		return nil
	}
	n := b.n
	sent, err := s.send(b, to)
	b.n = 0
	s.datagrams.Add(uint64(sent))
	if sent < n {
		s.dropped.Add(uint64(n - sent))
	}
	return err
}
