// Package rtp turns access units into the payloads of RTP packets, once for all who send them: H.264 (RFC 6184), H.265
// (RFC 7798), AV1 (AV1 over RTP 1.0), VP9 (RFC 9628) and Opus (RFC 7587).
//
// It makes no headers: sequence numbers, sources and payload types are each sender's own. It knows no network and no
// clock and starts no goroutine.
package rtp

import (
	"fmt"
	"sync/atomic"

	"weir/mux/av"
)

const (
	// DefaultMTU is the size of an IP packet's content that every path on the Internet takes, as WebRTC has it.
	DefaultMTU = 1200
	// overhead is what stands around a payload at most: the header of 12 bytes, extensions (4 for their head, 4 for a
	// MID of three bytes, 3 for a transport-wide number, 1 for padding), the original number of a retransmission (RFC
	// 4588 4) and the tag of SRTP (RFC 7714).
	overhead = 12 + 4 + 4 + 3 + 1 + 2 + 16
	// minPayload is what the least MTU leaves.
	minPayload = 64
	// maxFrame bounds a frame: 4K at 100 Mbit/s has key frames of 2 MB.
	maxFrame = 8 << 20
	// maxSound bounds an Opus packet, which cannot be cut (RFC 7587 4.2): what Ethernet carries beside all that is around
	// it. 510 kbit/s in packets of 20 ms are 1275 bytes (RFC 6716 3.2.1).
	maxSound = 1400
)

// Options say how packets are made.
type Options struct {
	// MTU bounds an RTP packet with header, extensions and SRTP tag, in bytes. 0 means DefaultMTU.
	MTU int
	// Pictures counts the VP9 pictures of one feed over all its encoders: their numbers must not go back (RFC 9628
	// 4.2). nil: the encoder counts its own.
	Pictures *atomic.Uint32
}

// Encoder turns a stream's frames into units: the first video and the first audio track of it. It is for one goroutine.
type Encoder struct {
	max      int // bytes of a payload
	pictures *atomic.Uint32
	tracks   av.Tracks
	video    payloader // nil while there is no video that can be carried
	order    Order     // of video
	out      packer
}

// payloader makes the payloads of one video codec.
type payloader interface {
	// pack puts the payloads of a frame, which is not empty.
	pack(p *packer, f *av.Frame) error
	// discardable tells whether surely no other picture depends on the frame.
	discardable(f *av.Frame) bool
}

// NewEncoder returns an encoder for a stream whose tracks are ts where the frames begin. A video track whose
// configuration cannot be read has no units until another one comes.
func NewEncoder(ts av.Tracks, o Options) *Encoder {
	e := &Encoder{max: DefaultMTU - overhead, pictures: o.Pictures, tracks: ts}
	if o.MTU > 0 {
		e.max = max(minPayload, o.MTU-overhead)
	}
	if e.pictures == nil {
		e.pictures = new(atomic.Uint32)
	}
	if v := ts.Video(); v != nil {
		_ = e.open(v)
	}
	return e
}

// Tracks are the tracks that govern what Encode has just returned. The slice stays the same until one changes.
func (e *Encoder) Tracks() av.Tracks { return e.tracks }

// Encode appends to dst what the frame becomes: one unit for an access unit or a change of its track, nothing for
// an unchanged configuration, for data, and for tracks beside the first of their kind. Of a picture that is shown before
// one that came before it there is no unit when nothing depends on it (see Order), and one that says Reordered
// otherwise. Frames must come in the order of the stream.
//
// Errors: ErrTrack, ErrCodec, ErrConfig, ErrFrame. The frame is then left out, and the encoder may go on with the next.
func (e *Encoder) Encode(dst []*Unit, f *av.Frame) ([]*Unit, error) {
	switch f.Kind {
	case av.KindMedia:
		return e.media(dst, f)
	case av.KindConfig:
		return e.config(dst, f)
	default:
		return dst, nil
	}
}

func (e *Encoder) media(dst []*Unit, f *av.Frame) ([]*Unit, error) {
	t := e.tracks.Find(f.Track)
	switch {
	case t == nil:
		return dst, fmt.Errorf("%w: %d", ErrTrack, f.Track)
	case t.Codec != f.Codec:
		return dst, fmt.Errorf("%w: frame of %v on a track of %v", ErrCodec, f.Codec, t.Codec)
	case len(f.Data) == 0 || len(f.Data) > maxFrame:
		return dst, fmt.Errorf("%w: %d bytes", ErrFrame, len(f.Data))
	case e.is(e.tracks.Video(), t.ID):
		return e.picture(dst, f, t)
	case e.is(e.tracks.Audio(), t.ID):
		return e.sound(dst, f, t)
	default:
		return dst, nil
	}
}

func (e *Encoder) is(t *av.Track, id av.TrackID) bool { return t != nil && t.ID == id }

// sound makes the unit of an Opus packet, which is the payload as it is (RFC 7587 4.2).
func (e *Encoder) sound(dst []*Unit, f *av.Frame, t *av.Track) ([]*Unit, error) {
	if t.Codec != av.CodecOpus {
		return dst, fmt.Errorf("%w: %v", ErrCodec, t.Codec)
	}
	if len(f.Data) > maxSound {
		return dst, fmt.Errorf("%w: %d bytes of sound", ErrFrame, len(f.Data))
	}
	s := &struct { // one allocation
		Unit
		payload [1][]byte
	}{}
	s.payload[0] = f.Data
	s.Unit = unitOf(f, t)
	s.Payloads, s.size = s.payload[:], len(f.Data)
	s.JoinPoint = e.tracks.Video() == nil
	return append(dst, &s.Unit), nil
}

func (e *Encoder) picture(dst []*Unit, f *av.Frame, t *av.Track) ([]*Unit, error) {
	if e.video == nil {
		return dst, fmt.Errorf("%w: %v without a configuration", ErrConfig, t.Codec)
	}
	switch e.order.Next(f) {
	case PlaceLate:
		return dst, nil
	case PlaceNone:
		u := unitOf(f, t)
		u.Kind, u.Key, u.Config, u.Reordered = av.KindConfig, false, t, true
		return append(dst, &u), nil
	case PlaceNext:
	}
	e.out.reset(e.max)
	if err := e.video.pack(&e.out, f); err != nil {
		return dst, err
	}
	u := unitOf(f, t)
	u.JoinPoint, u.Discardable = f.Key, !f.Key && e.video.discardable(f)
	u.Payloads, u.size = e.out.payloads(), len(e.out.bytes)
	return append(dst, &u), nil
}

func unitOf(f *av.Frame, t *av.Track) Unit {
	return Unit{
		Track: f.Track, Codec: f.Codec, Kind: av.KindMedia, Key: f.Key,
		Timestamp: uint32(av.Ticks(f.PTS, t.ClockRate)), DTS: f.DTS, PTS: f.PTS, Wall: f.Wall,
	}
}

func (e *Encoder) config(dst []*Unit, f *av.Frame) ([]*Unit, error) {
	t := f.Config
	if t == nil {
		return e.over(dst, f), nil
	}
	if old := e.tracks.Find(t.ID); old != nil && old.Same(t) {
		return dst, nil
	}
	e.tracks = e.tracks.With(t)
	video := e.is(e.tracks.Video(), t.ID)
	if !video && !e.is(e.tracks.Audio(), t.ID) {
		return dst, nil
	}
	var err error
	if video {
		err = e.open(t)
	}
	return append(dst, &Unit{Track: t.ID, Codec: t.Codec, Kind: av.KindConfig, DTS: f.DTS, PTS: f.PTS, Wall: f.Wall, Config: t}), err
}

func (e *Encoder) over(dst []*Unit, f *av.Frame) []*Unit {
	t := e.tracks.Find(f.Track)
	if t == nil {
		return dst
	}
	video := e.is(e.tracks.Video(), t.ID)
	carried := video || e.is(e.tracks.Audio(), t.ID)
	e.tracks = e.tracks.Without(f.Track)
	if video {
		e.video = nil
	}
	if !carried {
		return dst
	}
	return append(dst, &Unit{Track: f.Track, Codec: t.Codec, Kind: av.KindConfig, DTS: f.DTS, PTS: f.PTS, Wall: f.Wall})
}

// open begins with a video track's configuration.
func (e *Encoder) open(t *av.Track) (err error) {
	e.video, err = newPayloader(t, e.pictures)
	e.order = Order{video: e.video}
	return err
}

// newPayloader returns what makes the payloads of a video track; pictures counts those of VP9.
func newPayloader(t *av.Track, pictures *atomic.Uint32) (payloader, error) {
	var p payloader
	var err error
	switch t.Codec {
	case av.CodecH264:
		p, err = newH264(t.Config)
	case av.CodecH265:
		p, err = newH265(t.Config)
	case av.CodecAV1:
		p, err = newAV1(t.Config)
	case av.CodecVP9:
		p = &vp9Payloads{pictures: pictures}
	default:
		err = fmt.Errorf("%w: %v", ErrCodec, t.Codec)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}
