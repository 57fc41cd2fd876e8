package depacket

import (
	"bytes"

	"weir/mux/av"
	"weir/mux/codec/av1"
)

// The aggregation header of AV1 over RTP (1.0, 4.4).
const (
	av1Continues = 0x80 // Z: the first element goes on from the packet before
	av1Open      = 0x40 // Y: the last element goes on in the next packet
	av1Begins    = 0x08 // N: the packet is the first of a coded video sequence
)

// AV1 depacketizes AV1 over RTP (Alliance for Open Media, 1.0) into temporal units in the low-overhead format: every
// OBU with its size. Temporal delimiters, tile lists and padding are left out; the layers of a scalable stream stay
// together, as decoders want them.
type AV1 struct {
	assembly
	sequence []byte // payload of the sequence header in force; nil before the first
	reduced  bool   // it is of still pictures, each of which is a key frame
	changed  bool   // since the last call of config
	track    *av.Track

	frames int
	headed bool // the open unit has a sequence header before its first frame: nothing before is missing
	// The fragmented OBU under construction begins at this place of the open unit; -1 when there is none.
	fragment int
}

// NewAV1 returns a depacketizer that hands temporal units to out.
func NewAV1(out Receiver) *AV1 { return &AV1{assembly: newAssembly(out), fragment: -1} }

// Announce implements Video: AV1 has its sequence header in-band.
func (d *AV1) Announce([][]byte) {}

func (d *AV1) packet(p *Packet, lost int) { d.take(d, p, lost) }

func (d *AV1) start() { d.frames, d.headed, d.fragment = 0, false, -1 }

func (d *AV1) lost() { d.cutFragment() }

func (d *AV1) payload(b []byte) {
	head := b[0]
	if head&av1Continues != 0 && head&av1Begins != 0 || head&av1Continues != 0 != (d.fragment >= 0) {
		d.damage() // the beginning of the first element is missing, or the end of the one before
		return
	}
	elements, ok := cutElements(b)
	if !ok {
		d.damage()
		return
	}
	for i, e := range elements.list[:elements.n] {
		last := i == elements.n-1
		if !d.element(e, last && head&av1Open != 0) {
			return
		}
	}
}

// av1Elements are the OBU elements of a packet.
type av1Elements struct {
	list [maxElements][]byte
	n    int
}

// maxElements bounds the OBUs of one packet; a sequence header, metadata and a frame in 16 tile groups are fewer.
const maxElements = 32

// cutElements finds a payload's OBU elements (4.3, 4.4). It checks all sizes before anything is taken. The payload has
// at least one byte.
func cutElements(b []byte) (e av1Elements, ok bool) {
	count := int(b[0] >> 4 & 3) // W; 0 means that every element has its size
	for b = b[1:]; len(b) > 0; {
		if e.n == maxElements {
			return e, false
		}
		size := len(b)
		if count == 0 || e.n < count-1 {
			v, n, ok := av1.LEB128(b)
			if !ok || v > len(b)-n {
				return e, false
			}
			b, size = b[n:], v
		}
		e.list[e.n], b = b[:size], b[size:]
		e.n++
	}
	return e, e.n > 0 && (count == 0 || e.n == count)
}

// element adds an OBU element, or the next piece of one; open says that it goes on in the next packet.
func (d *AV1) element(b []byte, open bool) bool {
	at := len(d.arena.open())
	if d.fragment >= 0 {
		at = d.fragment
	}
	if !d.put(b...) {
		d.damage()
		return false
	}
	d.fragment = -1
	if open {
		d.fragment = at
		return true
	}
	return d.completed(at)
}

// completed looks at the OBU that was added at a place of the open unit, and gives it a size field or takes it out
// again.
func (d *AV1) completed(at int) bool {
	o, rest, ok := av1.ParseOBU(d.arena.open()[at:])
	if !ok || len(rest) > 0 {
		d.damage()
		return false
	}
	switch {
	case o.Type == av1.OBUTemporalDelimiter, o.Type == av1.OBUTileList, o.Type == av1.OBUPadding:
		d.cut(at)
		return true
	case o.Type == av1.OBUSequenceHeader:
		d.takeSequence(o.Payload)
	case o.Type == av1.OBUFrame || o.Type == av1.OBUFrameHeader:
		if d.frames == 0 {
			d.key = d.reduced || av1.ShownKeyFrame(o.Payload)
		}
		d.frames++
	}
	return d.resize(at, &o)
}

// resize writes the OBU anew with a size field, in its place.
func (d *AV1) resize(at int, o *av1.OBU) bool {
	var room [16]byte
	head := o.AppendHeader(room[:0])
	n := at + len(head) + len(o.Payload)
	if grow := n - len(d.arena.open()); grow > 0 && !d.put(room[:grow]...) {
		d.damage()
		return false
	}
	unit := d.arena.open()
	copy(unit[at+len(head):], o.Payload) // which may stand in an older chunk of the arena: its bytes are the same
	copy(unit[at:], head)
	d.cut(n)
	return true
}

// takeSequence takes the payload of a sequence header. One that does not parse spoils the unit.
func (d *AV1) takeSequence(payload []byte) {
	d.headed = d.headed || d.frames == 0
	if bytes.Equal(d.sequence, payload) {
		return
	}
	s, err := av1.ParseSequence(payload)
	if err != nil {
		d.damage()
		return
	}
	d.sequence, d.reduced, d.changed = bytes.Clone(payload), s.ReducedHeaders, true
}

func (d *AV1) cutFragment() {
	if d.fragment >= 0 {
		d.cut(d.fragment)
		d.fragment = -1
	}
}

func (d *AV1) damage() {
	d.damaged = true
	d.cutFragment()
}

func (d *AV1) judge() fate {
	switch {
	case d.fragment >= 0, d.key && d.unsure && !d.headed:
		return fateDamaged
	case d.frames == 0:
		return fateEmpty
	case d.key && d.sequence != nil:
		return fateWhole
	case d.key || d.changed:
		// Without its sequence header a picture cannot be decoded, and a new one counts from a key frame on.
		return fateDependent
	default:
		return fateWhole
	}
}

func (d *AV1) config() (*av.Track, bool) {
	if !d.changed {
		return nil, false
	}
	d.changed = false
	s, err := av1.ParseSequence(d.sequence)
	if err != nil {
		return nil, false
	}
	t := &av.Track{
		Codec: av.CodecAV1, ClockRate: 90000, Width: s.Width, Height: s.Height,
		Config: av1.AppendConfig(nil, d.sequence),
	}
	if d.track != nil && d.track.Same(t) {
		return nil, false
	}
	d.track = t
	return t, false // pictures out of order are in one temporal unit with those that they wait for
}
