// Package av holds the words that every other package speaks: Frame, Track, Codec and Kind.
//
// It knows no container, no network and no clock. Between weir's doors there is only Frame: one coded
// access unit of one track. The package starts no goroutine.
package av

import "time"

// Codec names a coding format.
type Codec uint8

// The codecs that a track can have. The zero value names none.
const (
	CodecNone Codec = iota
	CodecH264
	CodecH265
	CodecAV1
	CodecVP9
	CodecOpus
	CodecAAC
)

var codecNames = [...]string{"none", "h264", "h265", "av1", "vp9", "opus", "aac"}

// String is the codec's name as logs, metrics and the API write it.
func (c Codec) String() string {
	if int(c) < len(codecNames) {
		return codecNames[c]
	}
	return "unknown"
}

// ParseCodec is the inverse of String; ok is false for a name that is no codec.
func ParseCodec(name string) (c Codec, ok bool) {
	for i, n := range codecNames {
		if i != int(CodecNone) && n == name {
			return Codec(i), true
		}
	}
	return CodecNone, false
}

// IsVideo tells whether the codec carries pictures.
func (c Codec) IsVideo() bool {
	switch c {
	case CodecH264, CodecH265, CodecAV1, CodecVP9:
		return true
	default:
		return false
	}
}

// IsAudio tells whether the codec carries sound.
func (c Codec) IsAudio() bool { return c == CodecOpus || c == CodecAAC }

// TrackID names a track within its stream. It stays the same for the life of the stream, also when the
// track's codec or size changes and across a publisher's reconnect.
type TrackID uint8

// Track says what a track is from some frame on. A Track is immutable once published: a change is a new
// Track, carried by a Frame of KindConfig.
type Track struct {
	ID    TrackID
	Codec Codec
	// ClockRate is the rate of the track's media clock in Hz: 90000 for video, 48000 for Opus.
	ClockRate uint32
	// Config is the codec's configuration record as containers embed it: avcC (H.264), hvcC (H.265), av1C
	// (AV1), vpcC with its version and flags (VP9), AudioSpecificConfig (AAC), OpusHead without the Ogg magic's
	// page (RFC 7845 5.1) for Opus.
	Config []byte
	// Width and Height are the picture's size in pixels; 0 for audio.
	Width, Height int
	// Channels is the number of audio channels; 0 for video.
	Channels int
	// Layer is the simulcast layer (the rid); empty when there is only one.
	Layer string
}

// Same tells whether two tracks need the same sequence header: whether a change from one to the other is
// nothing that an output has to announce.
func (t *Track) Same(o *Track) bool {
	return t.ID == o.ID && t.Codec == o.Codec && t.ClockRate == o.ClockRate && t.Width == o.Width &&
		t.Height == o.Height && t.Channels == o.Channels && t.Layer == o.Layer && string(t.Config) == string(o.Config)
}

// Tracks is a snapshot of a stream's tracks at one point, in the order of their IDs. It is immutable.
type Tracks []Track

// Find returns the track with the id, or nil.
func (ts Tracks) Find(id TrackID) *Track {
	for i := range ts {
		if ts[i].ID == id {
			return &ts[i]
		}
	}
	return nil
}

// Video returns the first video track, or nil. A stream's simulcast layers stand beside it and are not meant.
func (ts Tracks) Video() *Track {
	for i := range ts {
		if ts[i].Codec.IsVideo() && ts[i].Layer == "" {
			return &ts[i]
		}
	}
	return nil
}

// Audio returns the first audio track, or nil.
func (ts Tracks) Audio() *Track {
	for i := range ts {
		if ts[i].Codec.IsAudio() {
			return &ts[i]
		}
	}
	return nil
}

// With returns a new snapshot in which t stands in the place of the track of the same ID, or is added.
func (ts Tracks) With(t *Track) Tracks {
	out := make(Tracks, 0, len(ts)+1)
	placed := false
	for i := range ts {
		if !placed && ts[i].ID >= t.ID {
			out = append(out, *t)
			placed = true
		}
		if ts[i].ID != t.ID {
			out = append(out, ts[i])
		}
	}
	if !placed {
		out = append(out, *t)
	}
	return out
}

// Without returns a new snapshot from which the track of the id is gone, or ts itself when it was not in it.
func (ts Tracks) Without(id TrackID) Tracks {
	if ts.Find(id) == nil {
		return ts
	}
	out := make(Tracks, 0, len(ts)-1)
	for i := range ts {
		if ts[i].ID != id {
			out = append(out, ts[i])
		}
	}
	return out
}

// Kind says what a frame carries.
type Kind uint8

const (
	// KindMedia is a coded access unit.
	KindMedia Kind = iota
	// KindConfig says that its track is as Frame.Config describes from the next frame on. Without a Config it
	// says that the track is over: no frame of it follows until another KindConfig brings it back.
	KindConfig
	// KindData is an event tied to media time.
	KindData
)

// Frame is one coded access unit of one track, or a change of its configuration, at its place in the
// stream. A frame and everything it points to is immutable once it is written to a Publisher; readers
// share it and must not change it.
type Frame struct {
	Track TrackID
	Kind  Kind
	// Codec is the codec of Data, so that a reader need not look its track up.
	Codec Codec
	// Key is true for an access unit that can be decoded without any before it. Every audio frame is one.
	Key bool
	// DTS and PTS are on the stream's clock, which starts at 0 with the stream and never goes back.
	// DTS rises strictly within a track.
	DTS, PTS time.Duration
	// Wall is when the frame was captured, as well as that is known.
	Wall time.Time
	// Data is the coded access unit. H.264 and H.265: NAL units each behind its length in 4 bytes, big
	// endian, without parameter sets, access unit delimiters and filler. AV1: the OBUs of a temporal unit, each
	// with its size, without temporal delimiters. VP9: a frame or superframe. Opus and AAC: the raw packet.
	Data []byte
	// Config is the track as it is from here on. It is nil unless Kind is KindConfig, and nil in a KindConfig
	// that ends the track.
	Config *Track
}

// Ticks converts a duration into units of a clock of rate Hz, rounded to the nearest. Together with
// Duration it is lossless for every rate up to 1 MHz: ticks → duration → ticks gives the same number.
func Ticks(d time.Duration, rate uint32) int64 {
	sec, rem := d/time.Second, d%time.Second
	if rem < 0 {
		sec, rem = sec-1, rem+time.Second
	}
	return int64(sec)*int64(rate) + (int64(rem)*int64(rate)+int64(time.Second)/2)/int64(time.Second)
}

// Duration converts ticks of a clock of rate Hz into a duration, rounded to the nearest nanosecond.
func Duration(ticks int64, rate uint32) time.Duration {
	r := int64(rate)
	sec, rem := ticks/r, ticks%r
	if rem < 0 {
		sec, rem = sec-1, rem+r
	}
	return time.Duration(sec)*time.Second + time.Duration((rem*int64(time.Second)+r/2)/r)
}
