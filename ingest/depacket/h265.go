package depacket

import (
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
	nalUnits
	sets h265Sets
	rasl bool
}

// NewH265 returns a depacketizer that hands access units to out.
func NewH265(out Receiver) *H265 { return &H265{nalUnits: newNALUnits(out)} }

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
	d.nalUnits.start()
	d.rasl = false
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

// aggregation takes an aggregation packet apart (RFC 7798 4.4.2).
func (d *H265) aggregation(b []byte) {
	if !aggregated(b, singleH265, d.nal) {
		d.damage()
	}
}

// singleH265 tells whether a packet of an aggregation is a NAL unit, and no packet type of RFC 7798.
func singleH265(nal []byte) bool {
	return len(nal) >= h265.HeaderSize && h265.NALType(nal[0]) < typeAP
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
		// F and the layer of the payload header, type of the FU header
		if !d.openFragment(b[0]&0x81|t<<1, b[1]) {
			return // the unit is full: there is no fragment to go on with
		}
	} else if begun, ok := d.fragmented(); !ok || h265.NALType(begun) != t {
		d.damage() // the beginning is missing
		return
	}
	if at, ok := d.addFragment(b[3:], end); ok {
		d.completed(at)
	}
}

// nal adds a whole NAL unit.
func (d *H265) nal(nal []byte) {
	if at, ok := d.add(nal); ok {
		d.completed(at)
	}
}

// completed looks at the NAL unit that was added at a place of the open unit, and takes out again what does not belong
// there.
func (d *H265) completed(at int) {
	nal := d.seal(at)
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
