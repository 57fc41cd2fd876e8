package depacket

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"weir/mux/av"
	"weir/mux/codec/h264"
)

const (
	maxUnitSize = 4 << 20  // bytes of an access unit; 4K at 100 Mbit/s has key frames of 2 MB
	maxSPS      = 31       // seq_parameter_set_id, ITU-T H.264 7.4.2.1.1
	maxPPS      = 255      // pic_parameter_set_id, 7.4.2.2
	maxSetSize  = 1024     // bytes of a parameter set
	videoChunk  = 64 << 10 // arena chunk: half a second at 1 Mbit/s
)

// RFC 6184 5.2, table 1: packet types beyond the NAL unit types.
const (
	typeSTAPA = 24
	typeFUA   = 28
)

// VideoStats count since the start.
type VideoStats struct {
	Units     uint64 // handed on
	Damaged   uint64 // dropped: a packet of theirs was lost or wrong
	Dependent uint64 // dropped: whole, but of a picture that was dropped before
	Ignored   uint64 // packets of a kind that RFC 6184's mode 1 does not have, or without sense
}

// H264 depacketizes RFC 6184, packetization modes 0 and 1, into access units of length-prefixed NAL units.
// Parameter sets become the track's configuration; delimiters and filler are left out; everything else, SEI
// included, passes as it came.
type H264 struct {
	nalUnits
	sets parameterSets
	// The unit before was a key frame.
	afterKey bool
}

// NewH264 returns a depacketizer that hands access units to out.
func NewH264(out Receiver) *H264 { return &H264{nalUnits: newNALUnits(out)} }

// Announce takes the parameter sets that came with the session description (RFC 6184 8.1). It is called before
// the first packet.
func (d *H264) Announce(sets [][]byte) {
	for _, nal := range sets {
		if t := h264.NALType(nal[0]); t == h264.NALSPS || t == h264.NALPPS {
			d.sets.put(t, nal)
		}
	}
	d.sets.age() // they did not come in-band
}

func (d *H264) packet(p *Packet, lost int) { d.take(d, p, lost) }

func (d *H264) start() {
	if d.afterKey {
		d.sets.age() // what came with that key frame is not this one's own
	}
	d.nalUnits.start()
}

func (d *H264) lost() {
	d.cutFragment()
	d.sets.age()
}

func (d *H264) payload(b []byte) {
	switch t := h264.NALType(b[0]); {
	case t >= 1 && t <= 23:
		d.endFragment()
		d.nal(b)
	case t == typeSTAPA:
		d.endFragment()
		d.stapA(b[1:])
	case t == typeFUA:
		d.fuA(b)
	default: // RFC 6184 5.4: STAP-B, MTAP and FU-B belong to the interleaved mode
		d.stats.Ignored++
	}
}

// stapA takes an aggregation packet apart (RFC 6184 5.7.1).
func (d *H264) stapA(b []byte) {
	if !aggregated(b, singleH264, d.nal) {
		d.damage()
	}
}

// singleH264 tells whether a packet of an aggregation is a NAL unit, and no packet type of RFC 6184.
func singleH264(nal []byte) bool {
	t := h264.NALType(nal[0])
	return t >= 1 && t <= 23
}

// fuA takes a fragment (RFC 6184 5.8).
func (d *H264) fuA(b []byte) {
	if len(b) < 3 {
		d.damage()
		return
	}
	start, end := b[1]&0x80 != 0, b[1]&0x40 != 0
	header := b[0]&0xe0 | b[1]&0x1f // F and NRI of the indicator, type of the FU header
	if t := h264.NALType(header); start && end || t == 0 || t > 23 {
		d.damage() // both bits in one fragment, or a packet type as a NAL unit type
		return
	}
	if start {
		if !d.openFragment(header) {
			return
		}
	} else if begun, ok := d.fragmented(); !ok || h264.NALType(begun) != h264.NALType(header) {
		d.damage() // the beginning is missing
		return
	}
	if at, ok := d.addFragment(b[2:], end); ok {
		d.completed(at)
	}
}

// nal adds a whole NAL unit.
func (d *H264) nal(nal []byte) {
	if at, ok := d.add(nal); ok {
		d.completed(at)
	}
}

// completed looks at the NAL unit that was added at a place of the open unit, and takes out again what does not belong
// there.
func (d *H264) completed(at int) {
	nal := d.seal(at)
	switch t := h264.NALType(nal[0]); t {
	case h264.NALSPS, h264.NALPPS:
		d.sets.put(t, nal)
	case h264.NALAUD, h264.NALFiller:
	default:
		if t >= h264.NALSlice && t <= h264.NALIDR {
			d.slice(nal, t == h264.NALIDR)
		}
		return
	}
	d.cut(at)
}

func (d *H264) slice(nal []byte, idr bool) {
	// first_mb_in_slice is the first field (ITU-T H.264 7.3.3); as ue(v) it is 0 when its first bit is 1.
	if d.slices == 0 && d.unsure && (len(nal) < 2 || nal[1]&0x80 == 0) {
		d.damaged = true
	}
	d.slices++
	d.key = d.key || idr
}

func (d *H264) judge() fate {
	d.endFragment()
	d.afterKey = d.key
	switch {
	case d.damaged, d.key && d.unsure && d.sets.missing():
		return fateDamaged
	case d.slices == 0:
		return fateEmpty // parameter sets alone, or SEI
	case d.key && d.sets.usable():
		d.sets.settle()
		return fateWhole
	case d.key || d.sets.changed:
		// Without its parameter sets a picture cannot be decoded, and new ones count from a key frame on.
		return fateDependent
	default:
		return fateWhole
	}
}

func (d *H264) config() (*av.Track, bool) {
	t := d.sets.take()
	return t, d.sets.mayReorder
}

// parameterSet is one of them, as it came last.
type parameterSet struct {
	nal []byte
	at  uint64 // parameterSets.now when it came
}

// parameterSets are those in force, by their ids. A set is fresh when it came since the last key frame, with
// nothing lost in between, whether its bytes are new or not.
type parameterSets struct {
	sps, pps           map[uint32]parameterSet
	freshSPS, freshPPS bool   // there is a fresh one
	now                uint64 // counts key frames and losses
	inBand             bool   // a key frame came with sets of its own: the next ones do too
	newest             uint32 // id of the SPS that came last: the one in use
	changed            bool   // since take
	track              *av.Track
	mayReorder         bool // see Unit.Reorder
}

// put takes a parameter set, whose NAL unit it copies. One that does not parse is left out.
func (s *parameterSets) put(t byte, nal []byte) {
	if s.sps == nil {
		s.sps, s.pps = make(map[uint32]parameterSet), make(map[uint32]parameterSet)
	}
	sets, fresh, skip, last := s.sps, &s.freshSPS, 4, uint32(maxSPS) // NAL header, profile, constraints, level
	if t == h264.NALPPS {
		sets, fresh, skip, last = s.pps, &s.freshPPS, 1, maxPPS
	}
	if len(nal) <= skip || len(nal) > maxSetSize {
		return
	}
	id, ok := golomb(nal[skip:])
	if !ok || id > last {
		return
	}
	if t == h264.NALSPS {
		if _, err := h264.ParseSPS(nal); err != nil {
			return
		}
		s.changed = s.changed || s.newest != id
		s.newest = id
	}
	set := sets[id]
	if !bytes.Equal(set.nal, nal) {
		set.nal = bytes.Clone(nal)
		s.changed = true
	}
	set.at, *fresh = s.now, true
	sets[id] = set
}

// usable tells whether there is what a key frame needs.
func (s *parameterSets) usable() bool {
	_, ok := s.sps[s.newest]
	return ok && len(s.pps) > 0
}

// missing tells whether a key frame behind a loss lacks the sets that its sender puts before each: they are among
// what was lost, and those of before may be of another picture size.
func (s *parameterSets) missing() bool { return s.inBand && !(s.freshSPS && s.freshPPS) }

// age makes every set one of before.
func (s *parameterSets) age() {
	s.now++
	s.freshSPS, s.freshPPS = false, false
}

// settle ends a key frame: if it came with sets of its own, those of before are no longer in force.
func (s *parameterSets) settle() {
	if !s.freshSPS || !s.freshPPS {
		return
	}
	s.inBand = true
	for _, sets := range []map[uint32]parameterSet{s.sps, s.pps} {
		n := len(sets)
		maps.DeleteFunc(sets, func(_ uint32, set parameterSet) bool { return set.at != s.now })
		s.changed = s.changed || len(sets) != n
	}
}

// take returns the configuration if it is another one than at the last call, else nil.
func (s *parameterSets) take() *av.Track {
	if !s.changed {
		return nil
	}
	s.changed = false
	info, err := h264.ParseSPS(s.sps[s.newest].nal)
	if err != nil {
		return nil
	}
	s.mayReorder = info.MayReorder
	t := &av.Track{
		Codec: av.CodecH264, ClockRate: 90000, Width: info.Width, Height: info.Height,
		Config: h264.AppendConfig(nil, ordered(s.sps, s.newest), ordered(s.pps, 0)),
	}
	if s.track != nil && s.track.Same(t) {
		return nil
	}
	s.track = t
	return t
}

// ordered lists the sets by their ids, the first one before the others.
func ordered(sets map[uint32]parameterSet, first uint32) [][]byte {
	ids := slices.SortedFunc(maps.Keys(sets), func(a, b uint32) int {
		return cmp.Compare(a-first, b-first) // wraps: first counts as 0
	})
	out := make([][]byte, 0, len(sets))
	for _, id := range ids {
		out = append(out, sets[id].nal)
	}
	return out
}

// golomb reads the ue(v) at the start of b (ITU-T H.264 9.1).
func golomb(b []byte) (v uint32, ok bool) {
	bit := func(i int) uint32 { return uint32(b[i/8]>>(7-i%8)) & 1 }
	zeros := 0
	for zeros < 16 && zeros < 8*len(b) && bit(zeros) == 0 {
		zeros++
	}
	if zeros == 16 || 2*zeros+1 > 8*len(b) {
		return 0, false
	}
	for i := zeros; i <= 2*zeros; i++ {
		v = v<<1 | bit(i)
	}
	return v - 1, true
}
