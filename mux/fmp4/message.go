package fmp4

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"weir/mux/av"
)

// frameScheme names the messages that are frames: data, changes of a track and ends of one.
const frameScheme = "urn:weir:frame:1"

// Message is an event message box (ISO/IEC 23009-1 5.10.3.3): something told at a place of the stream. Scheme and Value say
// what it is and hold no zero byte.
type Message struct {
	Scheme, Value string
	Time          time.Duration // when it is to be shown
	Data          []byte
}

// AppendMessage appends an emsg box of version 1, which counts from the beginning of the timeline. The box stands before the
// fragment that it belongs to.
func AppendMessage(dst []byte, m *Message) []byte {
	size := boxHead + 4 + 20 + len(m.Scheme) + 1 + len(m.Value) + 1 + len(m.Data)
	dst = appendFullBox(dst, size, "emsg", 1, 0)
	dst = binary.BigEndian.AppendUint32(dst, NanoTimeScale)
	dst = binary.BigEndian.AppendUint64(dst, uint64(max(0, m.Time)))
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0) // event_duration, id
	dst = append(append(dst, m.Scheme...), 0)
	dst = append(append(dst, m.Value...), 0)
	return append(dst, m.Data...)
}

// parseMessage reads the content of an emsg box of version 0 or 1. The message shares b. Times of version 0 count from the
// segment that it stands in, which is not known here: they are 0.
func parseMessage(b []byte) (*Message, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: emsg of %d bytes", ErrFormat, len(b))
	}
	version, b := b[0], b[4:]
	var m Message
	if version == 1 {
		if len(b) < 20 {
			return nil, fmt.Errorf("%w: emsg is cut short", ErrFormat)
		}
		at, err := duration(binary.BigEndian.Uint64(b[4:]), binary.BigEndian.Uint32(b))
		if err != nil {
			return nil, err
		}
		m.Time, b = at, b[20:]
	}
	for _, text := range []*string{&m.Scheme, &m.Value} {
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			return nil, fmt.Errorf("%w: emsg without a scheme or value", ErrFormat)
		}
		*text, b = string(b[:end]), b[end+1:]
	}
	if version == 0 {
		if len(b) < 16 {
			return nil, fmt.Errorf("%w: emsg is cut short", ErrFormat)
		}
		b = b[16:]
	}
	m.Data = b
	return &m, nil
}

// note is a frame that is no media as a message holds it. Times are in nanoseconds.
type note struct {
	Track  av.TrackID `json:"track"`
	Codec  string     `json:"codec,omitempty"`
	DTS    int64      `json:"dts"`
	PTS    int64      `json:"pts"`
	Wall   int64      `json:"wall,omitempty"` // since 1970; 0: not known
	Data   []byte     `json:"data,omitempty"`
	Config *noteTrack `json:"config,omitempty"`
}

// noteTrack is an av.Track but for what the note says.
type noteTrack struct {
	ClockRate uint32 `json:"clock_rate"`
	Config    []byte `json:"config,omitempty"`
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`
	Channels  int    `json:"channels,omitempty"`
	Layer     string `json:"layer,omitempty"`
}

// The values of messages that are frames.
const (
	valueConfig = "config"
	valueEnd    = "end"
	valueData   = "data"
)

// appendNote appends a frame that is no media.
func appendNote(dst []byte, f *av.Frame) []byte {
	n := note{Track: f.Track, Codec: f.Codec.String(), DTS: int64(f.DTS), PTS: int64(f.PTS), Data: f.Data}
	if !f.Wall.IsZero() {
		n.Wall = f.Wall.UnixNano()
	}
	value := valueData
	switch {
	case f.Kind == av.KindConfig && f.Config == nil:
		value = valueEnd
	case f.Kind == av.KindConfig:
		value = valueConfig
		t := f.Config
		n.Config = &noteTrack{t.ClockRate, t.Config, t.Width, t.Height, t.Channels, t.Layer}
	}
	text, _ := json.Marshal(n) // nothing in it cannot be written
	return AppendMessage(dst, &Message{Scheme: frameScheme, Value: value, Time: f.PTS, Data: text})
}

// frame is the frame that a message holds.
func (m *Message) frame() (*av.Frame, error) {
	var n note
	if err := json.Unmarshal(m.Data, &n); err != nil {
		return nil, fmt.Errorf("%w: message of a frame: %w", ErrFormat, err)
	}
	f := &av.Frame{Track: n.Track, DTS: time.Duration(n.DTS), PTS: time.Duration(n.PTS)}
	f.Codec, _ = av.ParseCodec(n.Codec)
	if n.Wall != 0 {
		f.Wall = time.Unix(0, n.Wall)
	}
	switch {
	case m.Value == valueData:
		f.Kind, f.Data = av.KindData, n.Data
	case m.Value == valueEnd:
		f.Kind = av.KindConfig
	case m.Value == valueConfig && n.Config != nil && f.Codec != av.CodecNone && n.Config.ClockRate != 0:
		t := n.Config
		f.Kind = av.KindConfig
		f.Config = &av.Track{
			ID: n.Track, Codec: f.Codec, ClockRate: t.ClockRate, Config: t.Config,
			Width: t.Width, Height: t.Height, Channels: t.Channels, Layer: t.Layer,
		}
	default:
		return nil, fmt.Errorf("%w: message %q of a frame", ErrFormat, m.Value)
	}
	return f, nil
}
