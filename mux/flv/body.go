package flv

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"weir/mux/av"
	"weir/mux/codec/h264"
)

// Kinds of bodies, by the tag's type or the RTMP message's type id, which are the same numbers.
const (
	BodyAudio = typeAudio
	BodyVideo = typeVideo
)

// Unit is what the body of one tag brings: a changed configuration, an access unit, both or nothing.
type Unit struct {
	// Config is the track as it is from this unit on; nil when nothing changed. It is immutable. VP9 has no size
	// before its first key frame, which brings another Config.
	Config *av.Track
	// Data is the access unit as av.Frame has it; empty when the body brings none. It lies in the body.
	Data  []byte
	Codec av.Codec
	Key   bool
	// Composition is PTS less DTS as the sender says it, which may be negative.
	Composition time.Duration
}

// Bodies takes the bodies of the tags of one stream apart, classic and Enhanced. A body is also what an RTMP
// message of type 8 or 9 carries. The zero value is ready; it is for one goroutine.
//
// Beyond what Demuxer does for files it takes what encoders send live: NAL units behind lengths of 1 or 2
// bytes, and parameter sets that change within the pictures and not by a sequence header.
type Bodies struct {
	video, audio av.Track // as last announced; Config is nil before that
	prefix       int      // size of the length in front of a NAL unit of the present video track; 0 is 4
}

// Track is the track of a kind of body as it was last announced, or nil.
func (b *Bodies) Track(typ byte) *av.Track {
	t := &b.audio
	if typ == BodyVideo {
		t = &b.video
	}
	if t.Config == nil {
		return nil
	}
	return t
}

// Read takes a body apart. It changes body, and what it returns lies in it.
//
// Errors: ErrCodec with a name for people, when weir cannot carry what the sender chose; ErrFormat for a damaged
// body, behind which the next one may be whole.
func (b *Bodies) Read(typ byte, body []byte) (Unit, error) {
	var (
		p  packet
		ok bool
	)
	if typ == BodyVideo {
		p, ok = parseVideo(body)
	} else {
		p, ok = parseAudio(body)
	}
	switch {
	case !ok:
		return Unit{}, foreign(typ, body)
	case p.config:
		u, err := b.config(p)
		if err != nil && len(p.data) > 0 {
			b.forget(p.codec)
		}
		return u, err
	default:
		return b.media(p)
	}
}

// Record takes a configuration record that came by other means than a tag's body, as Read takes a sequence header.
//
// Errors: ErrFormat, ErrCodec.
func (b *Bodies) Record(c av.Codec, record []byte) (Unit, error) {
	return b.config(packet{codec: c, config: true, data: record})
}

// AccessUnit takes an access unit that came by other means than a tag's body, as Read takes one: in the form of
// av.Frame, but for parameter sets and the like, which may be in it. It changes data, and what it returns lies in it.
//
// Errors: ErrFormat.
func (b *Bodies) AccessUnit(c av.Codec, data []byte) (Unit, error) {
	return b.media(packet{codec: c, key: true, data: data}) // of pictures it is seen which of them are key frames
}

// forget makes the track one that was never announced. What follows a sequence header that cannot be read is not as the
// one before said: pictures would be mosaic, and sound noise.
func (b *Bodies) forget(c av.Codec) {
	if c.IsVideo() {
		b.video = av.Track{}
	} else {
		b.audio = av.Track{}
	}
}

func (b *Bodies) config(p packet) (Unit, error) {
	record, prefix := p.data, 4
	if p.codec == av.CodecH264 {
		var err error
		if record, prefix, err = fullPrefix(record); err != nil {
			return Unit{}, err
		}
	}
	t, err := newTrack(p.codec, slices.Clone(record)) // the body's buffer is larger and not immutable
	if err != nil {
		return Unit{}, err
	}
	if t.Codec.IsVideo() {
		b.prefix = prefix
	}
	if t.Codec == av.CodecVP9 && b.video.Codec == av.CodecVP9 {
		t.Width, t.Height = b.video.Width, b.video.Height
	}
	return Unit{Codec: t.Codec, Config: b.change(t)}, nil
}

// change makes t the present track of its kind and returns it, or nil when it is so already.
func (b *Bodies) change(t av.Track) *av.Track {
	known := &b.audio
	if t.Codec.IsVideo() {
		known = &b.video
	}
	if known.Same(&t) {
		return nil
	}
	*known = t
	return &t
}

// fullPrefix returns the record (ISO/IEC 14496-15 5.3.3.1) as it is with 4-byte lengths, and the size that the
// sender uses.
func fullPrefix(avcC []byte) (record []byte, prefix int, err error) {
	if len(avcC) < 7 {
		return nil, 0, fmt.Errorf("%w: AVC record of %d bytes", ErrFormat, len(avcC))
	}
	prefix = int(avcC[4]&3) + 1
	if prefix == 4 {
		return avcC, prefix, nil
	}
	if prefix == 3 { // lengthSizeMinusOne is 0, 1 or 3
		return nil, 0, fmt.Errorf("%w: NAL units behind lengths of 3 bytes", ErrFormat)
	}
	record = slices.Clone(avcC)
	record[4] |= 3
	return record, prefix, nil
}

func (b *Bodies) media(p packet) (Unit, error) {
	t := &b.audio
	if p.codec.IsVideo() {
		t = &b.video
	}
	if t.Codec != p.codec {
		return Unit{}, nil // FL-06: nothing can be decoded before the sequence header
	}
	u := Unit{Codec: p.codec, Key: p.key, Composition: time.Duration(p.cts) * time.Millisecond}
	data := p.data
	if p.codec == av.CodecH264 {
		var err error
		if data, err = widen(data, b.prefix); err != nil {
			return Unit{}, err
		}
		if u.Config, u.Key, err = b.look(data); err != nil {
			return Unit{}, err
		}
	}
	if inBand(p.codec) {
		config, key, err := lookInside(t, data)
		if err != nil {
			return Unit{}, err
		}
		if u.Key = key; config != nil {
			u.Config = b.change(*config)
		}
		if !sized(t) {
			return Unit{}, nil
		}
	}
	var err error
	if u.Data, err = plain(p.codec, data); err != nil {
		return Unit{}, err
	}
	return u, nil
}

// look walks over an H.264 access unit. key says that it has an IDR picture, whatever the tag says: FLV writers
// also mark pictures behind which older ones are needed. config is not nil when a key frame brings other
// parameter sets than those in force.
func (b *Bodies) look(data []byte) (config *av.Track, key bool, err error) {
	var sps, pps [][]byte
	for len(data) > 0 {
		nal, rest, err := cutNAL(data)
		if err != nil {
			return nil, false, err
		}
		data = rest
		if len(nal) == 0 {
			continue
		}
		switch h264.NALType(nal[0]) {
		case h264.NALIDR:
			key = true
		case h264.NALSPS:
			sps = append(sps, nal)
		case h264.NALPPS:
			pps = append(pps, nal)
		}
	}
	if !key || len(sps)+len(pps) == 0 {
		return nil, key, nil
	}
	config, err = b.inBand(sps, pps)
	return config, key, err
}

// inBand is the track with the sets of a key frame in force; nil when the record has them.
func (b *Bodies) inBand(sps, pps [][]byte) (*av.Track, error) {
	hasSPS, hasPPS, err := h264.ParseConfig(b.video.Config)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if contains(hasSPS, sps) && contains(hasPPS, pps) {
		return nil, nil
	}
	if len(sps) == 0 {
		sps = hasSPS
	}
	if len(pps) == 0 {
		pps = hasPPS
	}
	t, err := newTrack(av.CodecH264, h264.AppendConfig(nil, sps, pps))
	if err != nil {
		return nil, err
	}
	return b.change(t), nil
}

func contains(all, some [][]byte) bool {
	for _, s := range some {
		if !slices.ContainsFunc(all, func(a []byte) bool { return string(a) == string(s) }) {
			return false
		}
	}
	return true
}

// cutNAL cuts the first NAL unit off, behind a length of 4 bytes.
func cutNAL(data []byte) (nal, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, fmt.Errorf("%w: %d bytes behind the last NAL unit", ErrFormat, len(data))
	}
	n := binary.BigEndian.Uint32(data)
	if int64(n) > int64(len(data)-4) {
		return nil, nil, fmt.Errorf("%w: NAL unit of %d in %d bytes", ErrFormat, n, len(data)-4)
	}
	return data[4 : 4+n], data[4+n:], nil
}

// widen returns data with lengths of 4 bytes in front of its NAL units.
func widen(data []byte, prefix int) ([]byte, error) {
	if prefix == 4 || prefix == 0 {
		return data, nil
	}
	out := make([]byte, 0, len(data)+64)
	for len(data) > 0 {
		if len(data) < prefix {
			return nil, fmt.Errorf("%w: %d bytes behind the last NAL unit", ErrFormat, len(data))
		}
		n := 0
		for _, v := range data[:prefix] {
			n = n<<8 | int(v)
		}
		data = data[prefix:]
		if n > len(data) {
			return nil, fmt.Errorf("%w: NAL unit of %d in %d bytes", ErrFormat, n, len(data))
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
		out = append(out, data[:n]...)
		data = data[n:]
	}
	return out, nil
}

// foreign says what a body has that weir cannot carry; nil for what can be passed over.
func foreign(typ byte, body []byte) error {
	if len(body) == 0 {
		return nil
	}
	if typ == BodyVideo {
		return foreignVideo(body)
	}
	return foreignAudio(body)
}

func foreignVideo(body []byte) error {
	if body[0]&videoEnhanced == 0 {
		if id := body[0] & 0x0f; id != videoAVC && body[0]&0x70 != frameCommand {
			return fmt.Errorf("%w: video codec %s", ErrCodec, named(videoNames, id))
		}
		return nil
	}
	if body[0]&0x0f == packetMultitrack {
		return fmt.Errorf("%w: several video tracks", ErrCodec)
	}
	if len(body) < 5 || body[0]&0x0f > packetCodedFramesX {
		return nil // FL-14: metadata, and what is yet to be invented
	}
	switch id := string(body[1:5]); id {
	case fourCCAVC, fourCCHEVC, fourCCAV1, fourCCVP9:
		return nil
	default:
		return fmt.Errorf("%w: video codec %q", ErrCodec, id)
	}
}

func foreignAudio(body []byte) error {
	format := body[0] >> 4
	if format == audioAAC>>4 {
		return nil
	}
	if format != audioEnhanced>>4 {
		return fmt.Errorf("%w: audio codec %s", ErrCodec, named(audioNames, format))
	}
	if body[0]&0x0f == packetMultitrack-1 {
		return fmt.Errorf("%w: several audio tracks", ErrCodec)
	}
	if len(body) < 5 || body[0]&0x0f > packetCodedFrames {
		return nil
	}
	switch id := string(body[1:5]); id {
	case fourCCOpus, fourCCAAC:
		return nil
	default:
		return fmt.Errorf("%w: audio codec %q", ErrCodec, id)
	}
}

// packetMultitrack is VideoPacketType 6; the AudioPacketType is one less.
const packetMultitrack = 6

// The codecs that FLV numbers (E.4.2.1, E.4.3.1).
var (
	videoNames = map[byte]string{2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6 with alpha", 6: "Screen video 2"}
	audioNames = map[byte]string{
		0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser",
		7: "G.711 A-law", 8: "G.711 mu-law", 11: "Speex", 14: "MP3",
	}
)

func named(names map[byte]string, id byte) string {
	if n, ok := names[id]; ok {
		return n
	}
	return fmt.Sprintf("number %d", id)
}
