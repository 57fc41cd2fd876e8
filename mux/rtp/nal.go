package rtp

import (
	"encoding/binary"
	"fmt"

	"weir/mux/av"
)

// nalFormat is how a payload format writes NAL units: where RFC 6184 and RFC 7798 differ.
type nalFormat interface {
	// appendAggregate appends what an aggregation packet of the units begins with.
	appendAggregate(dst []byte, nals [][]byte) []byte
	// appendFragment appends what a fragment of the unit begins with; flags are the start and the end bit of its FU
	// header, which have the same place in both formats.
	appendFragment(dst []byte, nal []byte, flags byte) []byte
	// isReference tells whether the unit is of a picture that others may refer to.
	isReference(nal []byte) bool
}

const (
	fuStart = 0x80
	fuEnd   = 0x40

	lengthSize = 2 // bytes of a unit's length in an aggregation packet
)

// nals is the payloader of codecs with NAL units: small neighbours go together, large ones in fragments. Parameter sets
// go in-band before each key frame, so that a viewer may begin there, whatever the session description said.
type nals struct {
	format nalFormat
	header int      // bytes of a NAL unit's header
	sets   [][]byte // parameter sets
	waits  [][]byte // units that fit into one packet together
	size   int      // of the aggregation packet that they make
}

// pack implements payloader.
func (n *nals) pack(p *packer, f *av.Frame) error {
	defer func() { // also of what an error left
		clear(n.waits)
		n.waits = n.waits[:0]
	}()
	if f.Key {
		for _, nal := range n.sets {
			n.add(p, nal)
		}
	}
	for data := f.Data; len(data) > 0; {
		nal, rest, err := cutNAL(data, n.header)
		if err != nil {
			return err
		}
		n.add(p, nal)
		data = rest
	}
	n.flush(p)
	return nil
}

// discardable implements payloader.
func (n *nals) discardable(f *av.Frame) bool {
	for data := f.Data; len(data) > 0; {
		nal, rest, err := cutNAL(data, n.header)
		if err != nil || n.format.isReference(nal) {
			return false
		}
		data = rest
	}
	return true
}

// add takes the next unit.
func (n *nals) add(p *packer, nal []byte) {
	if len(nal) > p.max {
		n.flush(p)
		n.fragment(p, nal)
		return
	}
	if len(n.waits) > 0 && n.size+lengthSize+len(nal) > p.max {
		n.flush(p)
	}
	if len(n.waits) == 0 {
		n.size = n.header
	}
	n.waits = append(n.waits, nal)
	n.size += lengthSize + len(nal)
}

// flush makes a packet of the units that wait.
func (n *nals) flush(p *packer) {
	switch len(n.waits) {
	case 0:
		return
	case 1:
		p.bytes = append(p.bytes, n.waits[0]...)
	default:
		p.bytes = n.format.appendAggregate(p.bytes, n.waits)
		for _, nal := range n.waits {
			p.bytes = binary.BigEndian.AppendUint16(p.bytes, uint16(len(nal)))
			p.bytes = append(p.bytes, nal...)
		}
	}
	p.end()
	n.waits = n.waits[:0]
}

// fragment cuts a unit into fragments of equal size. Its header is not repeated: the fragments' own tell what it was.
func (n *nals) fragment(p *packer, nal []byte) {
	rest := nal[n.header:]
	size := even(len(rest), p.max-n.header-1)
	for flags := byte(fuStart); len(rest) > 0; flags = 0 {
		piece := rest[:min(size, len(rest))]
		rest = rest[len(piece):]
		if len(rest) == 0 {
			flags |= fuEnd
		}
		p.bytes = n.format.appendFragment(p.bytes, nal, flags)
		p.bytes = append(p.bytes, piece...)
		p.end()
	}
}

// cutNAL cuts the first unit off.
func cutNAL(data []byte, header int) (nal, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, fmt.Errorf("%w: %d bytes behind the last NAL unit", ErrFrame, len(data))
	}
	n := int(binary.BigEndian.Uint32(data))
	if n < header || n > len(data)-4 {
		return nil, nil, fmt.Errorf("%w: NAL unit of %d in %d bytes", ErrFrame, n, len(data)-4)
	}
	return data[4 : 4+n], data[4+n:], nil
}
