package flv

import (
	"encoding/binary"
	"fmt"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/av1"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/opus"
	"weir/mux/codec/vp9"
)

// packet is a tag's body taken apart.
type packet struct {
	codec  av.Codec
	config bool // data is a configuration record
	key    bool
	cts    int64 // ms
	data   []byte
}

// parseVideo takes a video body apart; ok is false for what weir does not carry.
func parseVideo(b []byte) (p packet, ok bool) {
	if len(b) < 5 {
		return p, false
	}
	kind := b[0] & 0x70
	if kind == frameCommand { // E.4.3.1: a command for the player, no picture
		return p, false
	}
	p.key = kind == frameKey
	if b[0]&videoEnhanced != 0 {
		return p.enhancedVideo(b[0]&0x0f, string(b[1:5]), b[5:])
	}
	if b[0]&0x0f != videoAVC || b[1] > classicFrame {
		return p, false
	}
	p.codec, p.config = av.CodecH264, b[1] == classicConfig
	p.cts, p.data = signed24(b[2:]), b[5:]
	return p, true
}

func (p packet) enhancedVideo(typ byte, id string, b []byte) (packet, bool) {
	switch id {
	case fourCCAVC:
		p.codec = av.CodecH264
	case fourCCHEVC:
		p.codec = av.CodecH265
	case fourCCAV1:
		p.codec = av.CodecAV1
	case fourCCVP9:
		p.codec = av.CodecVP9
	default:
		return p, false
	}
	switch typ {
	case packetSequenceStart:
		p.config = true
	case packetCodedFrames:
		if p.codec == av.CodecH264 || p.codec == av.CodecH265 {
			if len(b) < 3 {
				return p, false
			}
			p.cts, b = signed24(b), b[3:]
		}
	case packetCodedFramesX:
	default: // FL-14, FL-16: metadata, multitrack, and what is yet to be invented
		return p, false
	}
	p.data = b
	return p, true
}

// parseAudio takes an audio body apart; ok is false for what weir does not carry.
func parseAudio(b []byte) (p packet, ok bool) {
	if len(b) < 2 {
		return p, false
	}
	p.key = true
	if b[0]&0xf0 == audioEnhanced {
		if len(b) < 5 {
			return p, false
		}
		return p.enhancedAudio(b[0]&0x0f, string(b[1:5]), b[5:])
	}
	if b[0]>>4 != audioAAC>>4 || b[1] > classicFrame {
		return p, false
	}
	p.codec, p.config, p.data = av.CodecAAC, b[1] == classicConfig, b[2:]
	return p, true
}

func (p packet) enhancedAudio(typ byte, id string, b []byte) (packet, bool) {
	switch id {
	case fourCCOpus:
		p.codec = av.CodecOpus
	case fourCCAAC:
		p.codec = av.CodecAAC
	default:
		return p, false
	}
	if typ > packetCodedFrames {
		return p, false
	}
	p.config, p.data = typ == packetSequenceStart, b
	return p, true
}

// signed24 reads an SI24.
func signed24(b []byte) int64 {
	return int64(int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8)
}

// newTrack is the track that a sequence header announces.
func newTrack(c av.Codec, config []byte) (av.Track, error) {
	t := av.Track{ID: VideoID, Codec: c, ClockRate: 90000, Config: config}
	switch c {
	case av.CodecH264:
		return h264Track(t)
	case av.CodecH265:
		return h265Track(t)
	case av.CodecAV1:
		return av1Track(t)
	case av.CodecVP9:
		return vp9Track(t)
	case av.CodecAAC:
		a, err := aac.ParseConfig(config)
		if err != nil {
			return t, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		t.ID, t.ClockRate, t.Channels = AudioID, uint32(a.Rate), a.Channels
	case av.CodecOpus:
		h, err := opus.ParseHead(config)
		if err != nil {
			return t, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		t.ID, t.ClockRate, t.Channels = AudioID, opus.ClockRate, h.Channels
	default:
		return t, fmt.Errorf("%w: configuration of %v", ErrFormat, c)
	}
	return t, nil
}

func h264Track(t av.Track) (av.Track, error) {
	sps, _, err := h264.ParseConfig(t.Config)
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	s, err := h264.ParseSPS(sps[0])
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	t.Width, t.Height = s.Width, s.Height
	return t, nil
}

func h265Track(t av.Track) (av.Track, error) {
	sets, err := h265.ParseConfig(t.Config)
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	s, err := h265.ParseSPS(sets.SPS[0])
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	t.Width, t.Height = s.Width, s.Height
	return t, nil
}

func av1Track(t av.Track) (av.Track, error) {
	payload, err := av1.ParseConfig(t.Config)
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	s, err := av1.ParseSequence(payload)
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	t.Width, t.Height = s.Width, s.Height
	return t, nil
}

// vp9Track has no size yet: the record says nothing of it; see lookInside.
func vp9Track(t av.Track) (av.Track, error) {
	var err error
	if t.Config, err = vp9.ParseConfig(t.Config); err != nil {
		return t, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return t, nil
}

// plain is the access unit without what an av.Frame leaves out: parameter sets, delimiters and filler. It
// changes data in place.
func plain(c av.Codec, data []byte) ([]byte, error) {
	switch c {
	case av.CodecH264:
		return strip(data, droppedH264)
	case av.CodecH265:
		return strip(data, droppedH265)
	case av.CodecAV1:
		return stripOBUs(data)
	default:
		return data, nil
	}
}

func droppedH264(first byte) bool {
	switch h264.NALType(first) {
	case h264.NALSPS, h264.NALPPS, h264.NALAUD, h264.NALFiller, h264.NALSPSExt:
		return true
	default:
		return false
	}
}

func droppedH265(first byte) bool {
	t := h265.NALType(first)
	return h265.IsParameterSet(t) || t == h265.NALAUD || t == h265.NALFiller
}

// stripOBUs moves the OBUs that stay together: all but temporal delimiters (AV1 in ISOBMFF 2.4) and padding. All but
// the last must have a size.
func stripOBUs(data []byte) ([]byte, error) {
	out := data[:0]
	for len(data) > 0 {
		o, rest, ok := av1.ParseOBU(data)
		if !ok {
			return nil, fmt.Errorf("%w: an OBU does not fit into %d bytes", ErrFormat, len(data))
		}
		unit := data[:len(data)-len(rest)]
		data = rest
		if o.Type != av1.OBUTemporalDelimiter && o.Type != av1.OBUPadding {
			out = append(out, unit...)
		}
	}
	return out, nil
}

// strip moves the NAL units that stay together. Empty ones go.
func strip(data []byte, dropped func(first byte) bool) ([]byte, error) {
	out := data[:0]
	for len(data) > 0 {
		if len(data) < 4 {
			return nil, fmt.Errorf("%w: %d bytes behind the last NAL unit", ErrFormat, len(data))
		}
		n := binary.BigEndian.Uint32(data)
		if int64(n) > int64(len(data)-4) {
			return nil, fmt.Errorf("%w: NAL unit of %d in %d bytes", ErrFormat, n, len(data)-4)
		}
		unit := data[:4+n]
		data = data[4+n:]
		if n > 0 && !dropped(unit[4]) {
			out = append(out, unit...)
		}
	}
	return out, nil
}
