package depacket

import (
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtp"
)

// ErrPacket: the bytes are no RTP packet.
var ErrPacket = errors.New("not an RTP packet")

// Packet is an RTP packet with its padding taken off.
type Packet struct {
	Seq       uint16
	Timestamp uint32
	Marker    bool
	Type      uint8 // payload type
	// Arrival is when the packet came, on the stream's clock.
	Arrival time.Duration
	// Payload belongs to whoever read the packet and is valid only during the call it is handed to.
	Payload []byte
}

// Parse reads buf into p, with h as scratch that is reused from packet to packet; h.Extensions then point into
// buf. The payload is empty for a packet of padding alone.
func (p *Packet) Parse(h *rtp.Header, buf []byte) error {
	n, err := h.Unmarshal(buf)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPacket, err)
	}
	if h.Version != 2 {
		return fmt.Errorf("%w: version %d", ErrPacket, h.Version)
	}
	end := len(buf)
	if h.Padding {
		// RFC 3550 5.1: the last octet counts the octets of padding, itself included.
		if end == n || buf[end-1] == 0 || int(buf[end-1]) > end-n {
			return fmt.Errorf("%w: padding does not fit", ErrPacket)
		}
		end -= int(buf[end-1])
	}
	p.Seq, p.Timestamp, p.Marker, p.Type = h.SequenceNumber, h.Timestamp, h.Marker, h.PayloadType
	p.Payload = buf[n:end]
	return nil
}
