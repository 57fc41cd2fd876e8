package flv

import (
	"bytes"
	"fmt"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/mux/codec/h265"
	"weir/mux/codec/vp9"
)

// inBand tells whether lookInside knows the codec.
func inBand(c av.Codec) bool { return c == av.CodecH265 || c == av.CodecAV1 || c == av.CodecVP9 }

// lookInside reads what an access unit of H.265, AV1 or VP9 says by itself. key says that decoding can start there,
// whatever the tag says: some writers leave the tag's frame type 0. t is not nil when a key frame brings another
// configuration than known has: some writers send a record of placeholders, and that of VP9 never has the size.
func lookInside(known *av.Track, data []byte) (t *av.Track, key bool, err error) {
	switch known.Codec {
	case av.CodecH265:
		return lookH265(known, data)
	case av.CodecAV1:
		return lookAV1(known, data)
	default:
		return lookVP9(known, data)
	}
}

func lookH265(known *av.Track, data []byte) (t *av.Track, key bool, err error) {
	var sets h265.Sets
	for len(data) > 0 {
		var nal []byte
		if nal, data, err = cutNAL(data); err != nil {
			return nil, false, err
		}
		if len(nal) < h265.HeaderSize {
			continue
		}
		switch typ := h265.NALType(nal[0]); {
		case typ == h265.NALVPS:
			sets.VPS = append(sets.VPS, nal)
		case typ == h265.NALSPS:
			sets.SPS = append(sets.SPS, nal)
		case typ == h265.NALPPS:
			sets.PPS = append(sets.PPS, nal)
		case h265.IsIRAP(typ):
			key = true
		}
	}
	if !key || len(sets.VPS)+len(sets.SPS)+len(sets.PPS) == 0 {
		return nil, key, nil
	}
	has, err := h265.ParseConfig(known.Config)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if contains(has.VPS, sets.VPS) && contains(has.SPS, sets.SPS) && contains(has.PPS, sets.PPS) {
		return nil, true, nil
	}
	return remade(known, h265.AppendConfig(nil, h265.Sets{
		VPS: orElse(sets.VPS, has.VPS), SPS: orElse(sets.SPS, has.SPS), PPS: orElse(sets.PPS, has.PPS),
	}))
}

func orElse(sets, others [][]byte) [][]byte {
	if len(sets) == 0 {
		return others
	}
	return sets
}

func lookAV1(known *av.Track, data []byte) (t *av.Track, key bool, err error) {
	var sequence []byte
	frames := 0
	for len(data) > 0 {
		o, rest, ok := av1.ParseOBU(data)
		if !ok {
			return nil, false, fmt.Errorf("%w: an OBU does not fit into %d bytes", ErrFormat, len(data))
		}
		data = rest
		switch o.Type {
		case av1.OBUSequenceHeader:
			sequence = o.Payload
		case av1.OBUFrame, av1.OBUFrameHeader:
			key = key || frames == 0 && av1.ShownKeyFrame(o.Payload)
			frames++
		}
	}
	if !key || sequence == nil {
		return nil, key, nil
	}
	if has, err := av1.ParseConfig(known.Config); err == nil && bytes.Equal(has, sequence) {
		return nil, true, nil
	}
	return remade(known, av1.AppendConfig(nil, sequence))
}

func lookVP9(known *av.Track, data []byte) (t *av.Track, key bool, err error) {
	h, err := vp9.ParseHeader(data)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if !h.Key {
		return nil, false, nil
	}
	var room [16]byte
	config := vp9.AppendConfig(room[:0], &h)
	if known.Width == h.Width && known.Height == h.Height && bytes.Equal(config, known.Config) {
		return nil, true, nil
	}
	t = &av.Track{ID: known.ID, Codec: known.Codec, ClockRate: known.ClockRate, Width: h.Width, Height: h.Height, Config: bytes.Clone(config)}
	return t, true, nil
}

// remade is the track with another record.
func remade(known *av.Track, config []byte) (t *av.Track, key bool, err error) {
	made, err := newTrack(known.Codec, config)
	if err != nil {
		return nil, false, err
	}
	return &made, true, nil
}

// sized tells whether a track can be announced: that of VP9 not before its size is known.
func sized(t *av.Track) bool { return t.Codec != av.CodecVP9 || t.Width > 0 }
