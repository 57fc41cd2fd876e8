package pull

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/flv"
	"weir/mux/mpegts"
)

// Packed audio is a segment of nothing but frames of sound, behind an ID3 tag that says when they begin (RFC 8216 3.4).

const (
	id3Head = 10
	// timeOwner names the private frame of the tag that has the time, in 33 bits of 1/90000 s.
	timeOwner = "com.apple.streaming.transportStreamTimestamp\x00"
)

// isPacked tells whether a segment is packed audio and no transport stream.
func isPacked(segment []byte) bool {
	return bytes.HasPrefix(segment, []byte("ID3")) || len(segment) > 1 && segment[0] == 0xff && segment[1]&0xf6 == 0xf0
}

// packed reads a segment of packed audio, as ts does. One without a time goes on where the one before ended.
//
// Errors: ErrUnfit, ErrTooLarge.
func (d *decoder) packed(segment []byte) ([]*av.Frame, error) {
	d.begin()
	d.left = nil
	if d.noAudio {
		return nil, nil
	}
	at, sound := d.end, segment
	for bytes.HasPrefix(sound, []byte("ID3")) {
		tag, rest := cutID3(sound)
		if ticks, ok := packedTime(tag); ok {
			at = ticks
		}
		sound = rest
	}
	d.packet(&mpegts.PESPacket{Codec: av.CodecAAC, PTS: at, DTS: at, Data: sound})
	if d.broken != nil {
		return nil, d.broken
	}
	if len(d.frames) == 0 {
		return nil, fmt.Errorf("%w: packed audio that is no AAC", ErrUnfit)
	}
	last := d.frames[len(d.frames)-1]
	d.end = av.Ticks(last.DTS+av.Duration(aac.SamplesPerFrame, d.units.Track(flv.BodyAudio).ClockRate), tsRate)
	return d.frames, nil
}

// cutID3 cuts the tag that b begins with off, without its head (ID3v2.4 3.1).
func cutID3(b []byte) (tag, rest []byte) {
	if len(b) < id3Head {
		return nil, nil
	}
	n := id3Head + syncSafe(b[6:])
	if n > len(b) {
		return nil, nil
	}
	return b[id3Head:n], b[n:]
}

// syncSafe reads a number of 28 bits, 7 in each byte (ID3v2.4 6.2).
func syncSafe(b []byte) int {
	return int(b[0]&0x7f)<<21 | int(b[1]&0x7f)<<14 | int(b[2]&0x7f)<<7 | int(b[3]&0x7f)
}

// packedTime is the time in a tag, in 1/90000 s.
func packedTime(tag []byte) (ticks int64, ok bool) {
	for len(tag) > id3Head {
		n := syncSafe(tag[4:])
		if n > len(tag)-id3Head {
			return 0, false
		}
		body := tag[id3Head : id3Head+n]
		if value, is := bytes.CutPrefix(body, []byte(timeOwner)); is && string(tag[:4]) == "PRIV" && len(value) == 8 {
			return int64(binary.BigEndian.Uint64(value) & (1<<33 - 1)), true
		}
		tag = tag[id3Head+n:]
	}
	return 0, false
}
