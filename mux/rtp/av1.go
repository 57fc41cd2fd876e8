package rtp

import (
	"fmt"

	"weir/mux/av"
	"weir/mux/codec/av1"
)

// The aggregation header of AV1 over RTP (1.0, 4.4).
const (
	av1Continues = 0x80 // Z: the first element goes on from the packet before
	av1Open      = 0x40 // Y: the last element goes on in the next packet
	av1Counts    = 4    // W begins at this bit
	av1Begins    = 0x08 // N: the packet is the first of a coded video sequence

	av1MaxCount = 3 // W has two bits; 0 means that every element has its size
)

// av1Payloads makes payloads of AV1 over RTP (Alliance for Open Media, 1.0) out of whole temporal units.
type av1Payloads struct {
	sequence []byte // the sequence header as an OBU without a size
	elements [][]byte
	bytes    []byte // of the elements
}

func newAV1(av1C []byte) (*av1Payloads, error) {
	payload, err := av1.ParseConfig(av1C)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &av1Payloads{sequence: append([]byte{av1.OBUSequenceHeader << 3}, payload...)}, nil
}

// pack implements payloader.
func (a *av1Payloads) pack(p *packer, f *av.Frame) error {
	if err := a.cut(f); err != nil {
		return err
	}
	total := 0
	for _, e := range a.elements {
		total += len(e)
	}
	flags := byte(0)
	if f.Key {
		flags = av1Begins
	}
	// A little more than an equal share, for the sizes of the elements; the last packet takes what is left.
	room := min(p.max, even(total, p.max-2*av1MaxCount-1)+2*av1MaxCount+1)
	for left := a.elements; len(left) > 0; {
		left, flags = packElements(p, left, flags, room)
	}
	return nil
}

// discardable implements payloader. Which frames an AV1 frame replaces stands behind fields whose presence depends on
// the sequence header and on what came before (AV1 5.9.2): it is not known here.
func (a *av1Payloads) discardable(*av.Frame) bool { return false }

// cut finds the elements of a temporal unit: its OBUs without their sizes (4.4: obu_has_size_field should be 0), with
// the sequence header before them if it is not there (6.1: a viewer may begin at any key frame).
func (a *av1Payloads) cut(f *av.Frame) error {
	a.elements, a.bytes = a.elements[:0], a.bytes[:0]
	need := len(a.sequence) + len(f.Data)
	if cap(a.bytes) < need {
		a.bytes = make([]byte, 0, need) // the elements point into it: it must not move
	}
	for b := f.Data; len(b) > 0; {
		o, rest, ok := av1.ParseOBU(b)
		if !ok {
			return fmt.Errorf("%w: an OBU does not fit", ErrFrame)
		}
		b = rest
		switch o.Type {
		case av1.OBUTemporalDelimiter, av1.OBUTileList, av1.OBUPadding: // 5: should or must not be sent
			continue
		case av1.OBUSequenceHeader:
		default:
			if f.Key && len(a.elements) == 0 {
				a.elements = append(a.elements, a.sequence)
			}
		}
		at := len(a.bytes)
		a.bytes = append(a.bytes, o.Header[0]&^0x02)
		a.bytes = append(a.bytes, o.Header[1:]...)
		a.bytes = append(a.bytes, o.Payload...)
		a.elements = append(a.elements, a.bytes[at:len(a.bytes):len(a.bytes)])
	}
	if len(a.elements) == 0 {
		return fmt.Errorf("%w: no OBU", ErrFrame)
	}
	return nil
}

// packElements makes a packet of at most room bytes of the elements, and returns what is left of them, which it may
// change, and the flags of the next packet.
func packElements(p *packer, elements [][]byte, flags byte, room int) (rest [][]byte, next byte) {
	head := len(p.bytes)
	p.bytes = append(p.bytes, 0)
	room--
	n := 1
	for ; !isLast(elements, n, room); n++ {
		e := elements[0]
		p.bytes = av1.AppendLEB128(p.bytes, len(e))
		p.bytes = append(p.bytes, e...)
		room -= sizeLEB128(len(e)) + len(e)
		elements = elements[1:]
	}
	e := elements[0]
	piece := e[:min(len(e), room)] // the last element has no size: W says that it is the last
	p.bytes = append(p.bytes, piece...)
	flags |= byte(n << av1Counts)
	if len(piece) < len(e) {
		elements[0] = e[len(piece):]
		flags, next = flags|av1Open, av1Continues
	} else {
		elements = elements[1:]
	}
	p.bytes[head] = flags
	p.end()
	return elements, next
}

// isLast tells whether the first element, the n-th of its packet, has to be the last: no other fits behind it.
func isLast(elements [][]byte, n, room int) bool {
	size := len(elements[0])
	return n == av1MaxCount || len(elements) == 1 || sizeLEB128(size)+size+1 > room-1
}

// sizeLEB128 is the number of bytes that AppendLEB128 takes.
func sizeLEB128(v int) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
