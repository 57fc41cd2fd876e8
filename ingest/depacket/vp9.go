package depacket

import (
	"weir/mux/av"
	"weir/mux/codec/vp9"
)

// The first octet of the VP9 payload descriptor (RFC 9628 4.2).
const (
	vp9PictureID = 0x80 // I
	vp9Inter     = 0x40 // P: inter-picture predicted
	vp9Layers    = 0x20 // L: layer indices
	vp9Flexible  = 0x10 // F
	vp9Start     = 0x08 // B: start of a frame
	vp9End       = 0x04 // E: end of a frame
	vp9Structure = 0x02 // V: scalability structure
)

// VP9 depacketizes RFC 9628 into frames of the first spatial layer, which needs no other; packets of the layers above
// are ignored.
type VP9 struct {
	assembly
	header vp9.Header // of the open unit, when it is a key frame
	track  *av.Track

	inter      bool // the open unit refers to others
	begun, end bool // its first packet, its last packet was there
}

// NewVP9 returns a depacketizer that hands frames to out.
func NewVP9(out Receiver) *VP9 { return &VP9{assembly: newAssembly(out)} }

// Announce implements Video: VP9 has no parameter sets.
func (d *VP9) Announce([][]byte) {}

func (d *VP9) packet(p *Packet, lost int) { d.take(d, p, lost) }

func (d *VP9) start() { d.inter, d.begun, d.end = false, false, false }

func (d *VP9) lost() {}

func (d *VP9) payload(b []byte) {
	desc, ok := parseVP9(b)
	if !ok {
		d.damaged = true
		return
	}
	if desc.spatial > 0 {
		d.stats.Ignored++
		return
	}
	if start := desc.flags&vp9Start != 0; start == d.begun || d.end {
		d.damaged = true // the beginning is missing, or a frame is left without its end, or there are two of them
		return
	}
	d.begun, d.end = true, desc.flags&vp9End != 0
	d.inter = desc.flags&vp9Inter != 0
	d.put(b[desc.size:]...)
}

func (d *VP9) judge() fate {
	if !d.begun && !d.damaged {
		return fateEmpty // of higher layers alone
	}
	if !d.end {
		return fateDamaged
	}
	if d.inter {
		return fateWhole
	}
	h, err := vp9.ParseHeader(d.arena.open())
	if err != nil {
		return fateDamaged
	}
	d.key, d.header = h.Key, h
	return fateWhole
}

func (d *VP9) config() (*av.Track, bool) {
	if !d.key {
		return nil, false
	}
	if t := d.track; t != nil && t.Width == d.header.Width && t.Height == d.header.Height && d.sameFormat() {
		return nil, false
	}
	d.track = &av.Track{
		Codec: av.CodecVP9, ClockRate: 90000, Width: d.header.Width, Height: d.header.Height,
		Config: vp9.AppendConfig(nil, &d.header),
	}
	return d.track, false // frames that are not shown are in a superframe with one that is
}

// sameFormat tells whether the key frame needs the record that the track has.
func (d *VP9) sameFormat() bool {
	var room [16]byte
	return string(vp9.AppendConfig(room[:0], &d.header)) == string(d.track.Config)
}

// vp9Descriptor is what is needed of a payload descriptor.
type vp9Descriptor struct {
	flags   byte
	spatial byte // SID
	size    int  // bytes of the descriptor
}

// parseVP9 reads the payload descriptor (RFC 9628 4.2); ok is false when it, or the payload behind it, does not fit.
func parseVP9(b []byte) (d vp9Descriptor, ok bool) {
	r := octets{b: b}
	d.flags = r.next()
	if d.flags&vp9PictureID != 0 && r.next()&0x80 != 0 { // M: 15 bits
		r.next()
	}
	if d.flags&vp9Layers != 0 {
		d.spatial = r.next() >> 1 & 7
		if d.flags&vp9Flexible == 0 {
			r.next() // TL0PICIDX
		}
	}
	if d.flags&(vp9Flexible|vp9Inter) == vp9Flexible|vp9Inter {
		for n := 0; r.next()&1 != 0; n++ { // P_DIFF, N: another follows
			if n == 2 {
				return d, false // 4.2: up to three
			}
		}
	}
	if d.flags&vp9Structure != 0 {
		r.structure()
	}
	d.size = r.at
	return d, r.at < len(b)
}

// structure skips a scalability structure (RFC 9628 4.2.1).
func (r *octets) structure() {
	head := r.next()
	if head&0x10 != 0 { // Y: the size of each layer
		r.at += 4 * (int(head>>5) + 1)
	}
	if head&0x08 == 0 { // G: a picture group
		return
	}
	for range r.next() {
		r.at += int(r.next() >> 2 & 3) // R times P_DIFF
	}
}

// octets reads bytes one after another; behind the end they are 0.
type octets struct {
	b  []byte
	at int
}

func (r *octets) next() byte {
	r.at++
	if r.at > len(r.b) {
		return 0
	}
	return r.b[r.at-1]
}
