//go:build !linux

package udp

import (
	"net/netip"
	"time"
)

// waited is how long a read takes at least when it has to wait for a datagram.
const waited = 20 * time.Microsecond

type inbox struct{}

func (*Receiver) init() {}

// read waits for a datagram.
func (r *Receiver) read(b []byte) (int, netip.AddrPort, error) {
	begin := time.Now()
	n, from, err := r.conn.ReadFromUDPAddrPort(b)
	r.drained = time.Since(begin) > waited
	return n, from, err
}
