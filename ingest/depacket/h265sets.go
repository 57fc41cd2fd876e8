package depacket

import (
	"bytes"
	"maps"

	"weir/mux/av"
	"weir/mux/codec/h265"
)

const (
	maxHEVCSetSize = 2048 // bytes of a parameter set
	maxHEVCPPS     = 63   // pps_pic_parameter_set_id, ITU-T H.265 7.4.3.3
)

// The kinds of parameter sets, as indices.
const (
	kindVPS = iota
	kindSPS
	kindPPS
)

// h265Sets are the parameter sets in force, by their kinds and ids. A set is fresh when it came since the last key
// frame, with nothing lost in between, whether its bytes are new or not.
type h265Sets struct {
	kinds      [3]map[uint32]parameterSet
	fresh      [3]bool // there is a fresh one
	now        uint64  // counts key frames and losses
	used       bool    // by a key frame, since the last age
	inBand     bool    // a key frame came with sets of its own: the next ones do too
	newest     uint32  // id of the SPS that came last: the one in use
	changed    bool    // since take
	track      *av.Track
	mayReorder bool // see Unit.Reorder
}

// put takes a parameter set, whose NAL unit it copies. One that does not parse is left out.
func (s *h265Sets) put(nal []byte) {
	if len(nal) <= h265.HeaderSize || len(nal) > maxHEVCSetSize {
		return
	}
	kind := int(h265.NALType(nal[0]) - h265.NALVPS)
	id, ok := setID(kind, nal)
	if !ok {
		return
	}
	if kind == kindSPS {
		s.changed = s.changed || s.newest != id
		s.newest = id
	}
	if s.kinds[kind] == nil {
		s.kinds[kind] = make(map[uint32]parameterSet)
	}
	set := s.kinds[kind][id]
	if !bytes.Equal(set.nal, nal) {
		set.nal = bytes.Clone(nal)
		s.changed = true
	}
	set.at, s.fresh[kind] = s.now, true
	s.kinds[kind][id] = set
}

func setID(kind int, nal []byte) (id uint32, ok bool) {
	switch kind {
	case kindVPS:
		return uint32(nal[h265.HeaderSize] >> 4), true // vps_video_parameter_set_id, 7.3.2.1
	case kindSPS:
		s, err := h265.ParseSPS(nal)
		return uint32(s.ID), err == nil
	default:
		id, ok = golomb(nal[h265.HeaderSize:])
		return id, ok && id <= maxHEVCPPS
	}
}

// usable tells whether there is what a key frame needs.
func (s *h265Sets) usable() bool {
	_, ok := s.kinds[kindSPS][s.newest]
	return ok && len(s.kinds[kindVPS]) > 0 && len(s.kinds[kindPPS]) > 0
}

// missing tells whether a key frame behind a loss lacks the sets that its sender puts before each: they are among
// what was lost, and those of before may be of another picture size. Some senders do not repeat the VPS.
func (s *h265Sets) missing() bool { return s.inBand && !(s.fresh[kindSPS] && s.fresh[kindPPS]) }

// age makes every set one of before.
func (s *h265Sets) age() {
	s.now++
	s.fresh, s.used = [3]bool{}, false
}

// settle ends a key frame: of the kinds that came with it, those of before are no longer in force.
func (s *h265Sets) settle() {
	s.used = true
	if !s.fresh[kindSPS] || !s.fresh[kindPPS] {
		return
	}
	s.inBand = true
	for kind, sets := range s.kinds {
		if !s.fresh[kind] {
			continue
		}
		n := len(sets)
		maps.DeleteFunc(sets, func(_ uint32, set parameterSet) bool { return set.at != s.now })
		s.changed = s.changed || len(sets) != n
	}
}

// take returns the configuration if it is another one than at the last call, else nil.
func (s *h265Sets) take() *av.Track {
	if !s.changed {
		return nil
	}
	s.changed = false
	info, err := h265.ParseSPS(s.kinds[kindSPS][s.newest].nal)
	if err != nil {
		return nil
	}
	s.mayReorder = info.MayReorder
	t := &av.Track{
		Codec: av.CodecH265, ClockRate: 90000, Width: info.Width, Height: info.Height,
		Config: h265.AppendConfig(nil, h265.Sets{
			VPS: ordered(s.kinds[kindVPS], 0), SPS: ordered(s.kinds[kindSPS], s.newest), PPS: ordered(s.kinds[kindPPS], 0),
		}),
	}
	if s.track != nil && s.track.Same(t) {
		return nil
	}
	s.track = t
	return t
}
