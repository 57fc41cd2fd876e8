package depacket

import (
	"encoding/binary"

	"weir/mux/av"
	"weir/mux/codec/h265"
)

// RFC 7798 4.4: packet types beyond the NAL unit types.
const (
	typeAP = 48
	typeFU = 49
)

// H265 depacketizes RFC 7798 in a single stream in decoding order (sprop-max-don-diff 0) into access units of
// length-prefixed NAL units. Parameter sets become the track's configuration; delimiters, filler and what belongs
// to layers above the first are left out; everything else, SEI included, passes as it came.
//
// A key frame of weir is a place from which all that follows decodes. Of the pictures that follow an open group's
// random access point, and refer to pictures before it (RASL), that is not true; since no other picture refers to
// them, they are left out.
type H265 struct {
	assembly
	sets h265Sets

	slices int
	rasl   bool
	// The fragmented NAL unit under construction begins at this place of the open unit; -1 when there is none.
	fragment int
}

// NewH265 returns a depacketizer that hands access units to out.
func NewH265(out Receiver) *H265 {
	return &H265{assembly: newAssembly(out), fragment: -1}
}

// Announce takes the parameter sets that came with the session description (RFC 7798 7.1). It is called before
// the first packet.
func (d *H265) Announce(sets [][]byte) {
	for _, nal := range sets {
		if len(nal) >= h265.HeaderSize && h265.IsParameterSet(h265.NALType(nal[0])) {
			d.sets.put(nal)
		}
	}
	d.sets.age() // they did not come in-band
}

func (d *H265) packet(p *Packet, lost int) { d.take(d, p, lost) }

func (d *H265) start() {
	if d.sets.used {
		d.sets.age() // what came with the last key frame is not this one's own
	}
	d.slices, d.rasl, d.fragment = 0, false, -1
}

func (d *H265) lost() {
	d.cutFragment()
	d.sets.age()
}

func (d *H265) payload(b []byte) {
	if len(b) < h265.HeaderSize {
		d.damage()
		return
	}
	switch t := h265.NALType(b[0]); {
	case t < typeAP:
		d.endFragment()
		d.nal(b)
	case t == typeAP:
		d.endFragment()
		d.aggregation(b[h265.HeaderSize:])
	case t == typeFU:
		d.fu(b)
	default: // RFC 7798 4.4.4: a receiver may ignore PACI packets; 51 to 63 are not specified
		d.stats.Ignored++
	}
}

// aggregation takes an aggregation packet apart (RFC 7798 4.4.2). Its sizes are checked before anything is taken.
func (d *H265) aggregation(b []byte) {
	for rest := b; len(rest) > 0; {
		if len(rest) < 2 {
			d.damage()
			return
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n < h265.HeaderSize || n > len(rest)-2 || h265.NALType(rest[2]) >= typeAP {
			d.damage()
			return
		}
		rest = rest[2+n:]
	}
	for len(b) > 0 {
		n := int(binary.BigEndian.Uint16(b))
		d.nal(b[2 : 2+n])
		b = b[2+n:]
	}
}

// fu takes a fragment (RFC 7798 4.4.3).
func (d *H265) fu(b []byte) {
	if len(b) < 4 {
		d.damage()
		return
	}
	start, end, t := b[2]&0x80 != 0, b[2]&0x40 != 0, b[2]&0x3f
	if start && end || t >= typeAP {
		d.damage() // both bits in one fragment, or a packet type as a NAL unit type
		return
	}
	if start {
		d.endFragment()
		d.fragment = len(d.arena.open())
		// F and the layer of the payload header, type of the FU header
		if !d.put(0, 0, 0, 0, b[0]&0x81|t<<1, b[1]) {
			d.damage() // the unit is full: there is no fragment to go on with
			return
		}
	} else if d.fragment < 0 || h265.NALType(d.arena.open()[d.fragment+lengthPrefix]) != t {
		d.damage() // the beginning is missing
		return
	}
	if d.put(b[3:]...) && end {
		at := d.fragment
		d.fragment = -1
		d.completed(at)
	}
}

// endFragment notes that a fragmented NAL unit was left without its end.
func (d *H265) endFragment() {
	if d.fragment >= 0 {
		d.damage()
	}
}

func (d *H265) cutFragment() {
	if d.fragment >= 0 {
		d.cut(d.fragment)
		d.fragment = -1
	}
}

func (d *H265) damage() {
	d.damaged = true
	d.cutFragment()
}

// nal adds a whole NAL unit.
func (d *H265) nal(nal []byte) {
	at := len(d.arena.open())
	if d.put(0, 0, 0, 0) && d.put(nal...) {
		d.completed(at)
	}
}

// completed looks at the NAL unit that was added at a place of the open unit, and writes its length or takes
// it out again.
func (d *H265) completed(at int) {
	unit := d.arena.open()
	nal := unit[at+lengthPrefix:]
	binary.BigEndian.PutUint32(unit[at:], uint32(len(nal)))
	if nal[0]&0x80 != 0 {
		d.damage() // RFC 7798 1.1.4: F says that there are errors
	}
	t := h265.NALType(nal[0])
	switch {
	case h265.Layer(nal) != 0, t == h265.NALAUD, t == h265.NALFiller:
	case h265.IsParameterSet(t):
		d.sets.put(nal)
	default:
		if t <= h265.NALVCL {
			d.slice(nal, t)
		}
		return
	}
	d.cut(at)
}

func (d *H265) slice(nal []byte, t byte) {
	// first_slice_segment_in_pic_flag is the first bit behind the header (ITU-T H.265 7.3.6.1).
	if d.slices == 0 && d.unsure && (len(nal) <= h265.HeaderSize || nal[h265.HeaderSize]&0x80 == 0) {
		d.damaged = true
	}
	d.slices++
	d.key = d.key || h265.IsIRAP(t)
	d.rasl = d.rasl || h265.IsRASL(t)
}

func (d *H265) judge() fate {
	d.endFragment()
	switch {
	case d.key && d.unsure && d.sets.missing():
		return fateDamaged
	case d.slices == 0:
		return fateEmpty
	case d.damaged:
		return fateDamaged
	case d.key && d.sets.usable():
		d.sets.settle()
		return fateWhole
	case d.key || d.sets.changed:
		// Without its parameter sets a picture cannot be decoded, and new ones count from a key frame on.
		return fateDependent
	case d.rasl && !d.broken:
		return fateSkipped
	default:
		return fateWhole
	}
}

func (d *H265) config() (*av.Track, bool) {
	t := d.sets.take()
	return t, d.sets.mayReorder
}
