package peer

import (
	"github.com/pion/rtp"

	"weir/rtc/udp"
)

// maxPacket is the largest that is sent, encryption included: what Ethernet carries.
const maxPacket = 1500 - 20 - 8

// way is where packets go, past the ICE agent.
type way struct {
	generation uint32 // of the pair that it was seen with
	socket     *udp.Socket
	path       *udp.Path // nil when the way is not known or is TCP
}

// WriteRTP encrypts a packet into the batch that the next Flush sends. Neither header nor payload is kept. A packet that
// finds no way is lost, as it would be on the network; ICE notices. A sequence number may be sent again only with the
// same header and payload: the keystream is that of the number (RFC 3711 9.1).
func (p *Peer) WriteRTP(h *rtp.Header, payload []byte) error {
	size := h.MarshalSize() + len(payload) + overhead
	room, err := p.room(size)
	if err != nil {
		return err
	}
	n, err := p.out.seal(room, h, payload)
	if err != nil {
		return err
	}
	p.add(room[:n])
	return nil
}

// WriteRTCP encrypts a compound packet into the batch.
func (p *Peer) WriteRTCP(b []byte) error {
	size := len(b) + rtcpOverhead
	room, err := p.room(size)
	if err != nil {
		return err
	}
	n, err := p.rtcp.seal(room, b)
	if err != nil {
		return err
	}
	p.add(room[:n])
	return nil
}

// Flush sends what was written, in as few system calls as the kernel allows. The buffer is held from the first write to
// here.
func (p *Peer) Flush() error {
	if p.batch == nil {
		return nil
	}
	p.send()
	p.batch.Release()
	p.batch = nil
	if p.state.Load() != up {
		return ErrClosed
	}
	return nil
}

// send sends what is in the batch. What is lost there is counted there; a path that is gone is for ICE to notice.
func (p *Peer) send() {
	if p.batch.Len() > 0 {
		_ = p.way.socket.Send(p.batch, p.way.path)
	}
}

// room is where a packet of a size is written.
func (p *Peer) room(size int) ([]byte, error) {
	switch state := p.state.Load(); {
	case size > maxPacket:
		return nil, ErrTooLarge
	case state == over:
		return nil, ErrClosed
	case state != up:
		return nil, ErrNotConnected
	}
	if p.batch == nil {
		p.batch = udp.Take()
	}
	if g := p.generation.Load(); g != p.way.generation {
		p.send()
		p.way = way{generation: g}
	}
	if len(p.batch.Room()) < size {
		p.send()
	}
	return p.batch.Room()[:size], nil
}

// add adds the packet, which lies in the batch's room, to the batch. While the way is not known it goes through the ICE
// agent, and shows it.
func (p *Peer) add(packet []byte) {
	if p.way.path != nil {
		p.batch.Add(len(packet))
		return
	}
	p.route.Take() // of DTLS
	_, _ = p.conn.Write(packet)
	if p.generation.Load() != p.way.generation {
		return // the pair has changed meanwhile: which of them was it?
	}
	if hop, ok := p.route.Take(); ok {
		if path, err := hop.Socket.Path(hop.To); err == nil {
			p.way.socket, p.way.path = hop.Socket, path
		}
	}
}
