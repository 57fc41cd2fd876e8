package sender

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	pion "github.com/pion/rtp"

	"weir/mux/av"
	"weir/mux/rtp"
)

// Track is what offer and answer say of one track that is sent.
type Track struct {
	Codec     av.Codec
	ClockRate uint32
	// PayloadType and SSRC are those of its packets.
	PayloadType uint8
	SSRC        uint32
	// RepairType and RepairSSRC are those of retransmissions (RFC 4588); without a type they are sent as the packets were.
	RepairType uint8
	RepairSSRC uint32
	// MID goes into every packet when it has an extension of that number (RFC 8843 9.2), and so does a number that counts all
	// packets of the connection (transport-wide-cc-01). 0 is none.
	MID            string
	MIDExtension   uint8
	CountExtension uint8
}

const (
	videoHistory = 128 // pieces of pictures that can be sent again: four seconds
	audioHistory = 64  // packets of sound: more than a second
)

// line is one track on its way to one viewer. Its egress guards it.
type line struct {
	Track
	header pion.Header
	repair pion.Header
	count  [2]byte // the extension of both
	offset uint32  // from the units' timestamps to the viewer's

	packets, octets uint32 // as sender reports count them
	sent            history
	asked           asked
	reception       reception
}

// newLine begins a line at random numbers (RFC 3550 5.1).
func newLine(t Track, history int) (*line, error) {
	l := &line{Track: t, offset: rand.Uint32(), sent: newHistory(history)}
	var err error
	if l.header, err = l.head(t.PayloadType, t.SSRC); err != nil {
		return nil, err
	}
	l.repair, err = l.head(t.RepairType, t.RepairSSRC)
	return l, err
}

// head is the header of the line's packets; what is its own in each packet is set later, in place.
func (l *line) head(payloadType uint8, ssrc uint32) (pion.Header, error) {
	// The first number is in the lower half, so that the roll-over counter of SRTP begins at 0 for both sides (RFC 3711
	// 3.3.1).
	h := pion.Header{Version: 2, PayloadType: payloadType, SSRC: ssrc, SequenceNumber: uint16(rand.UintN(1 << 15))}
	if l.MIDExtension != 0 && l.MID != "" {
		if err := h.SetExtension(l.MIDExtension, []byte(l.MID)); err != nil {
			return h, fmt.Errorf("cannot carry the MID: %w", err)
		}
	}
	if l.CountExtension != 0 {
		if err := h.SetExtension(l.CountExtension, l.count[:]); err != nil {
			return h, fmt.Errorf("cannot carry the transport-wide number: %w", err)
		}
	}
	return h, nil
}

// fill sets what is a packet's own: the i-th of a unit, with the transport-wide number n.
func (l *line) fill(h *pion.Header, u *rtp.Unit, i int, n uint16) {
	h.Timestamp = u.Timestamp + l.offset
	h.Marker = u.Marker(i)
	binary.BigEndian.PutUint16(l.count[:], n)
}
