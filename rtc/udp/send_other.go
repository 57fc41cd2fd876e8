//go:build !linux

package udp

import "errors"

type system struct{}

func (*system) init() {}

type address struct{}

func (s *Socket) probe() error {
	s.best.Store(int32(single))
	return nil
}

func (s *Socket) resolve(p *Path) error {
	if !p.to.IsValid() || p.to.Port() == 0 {
		return errors.New("it is no address")
	}
	return nil
}

// send hands over the datagrams one by one. Here the Go runtime waits for a socket whose buffer is full.
func (s *Socket) send(b *Batch, to *Path) (int, error) {
	for i := range b.n {
		s.calls.Add(1)
		if _, err := s.conn.WriteToUDPAddrPort(b.buf[b.start(i):b.ends[i]], to.to); err != nil {
			return i, err
		}
	}
	return b.n, nil
}
