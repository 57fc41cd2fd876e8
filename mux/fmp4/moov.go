package fmp4

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/opus"
)

const (
	audioSampleEntry = 28 // the fixed part of an AudioSampleEntry (ISO/IEC 14496-12 12.2.3.2)
	maxTracks        = 32 // that are taken from an init section
	maxEdits         = 8  // of an edit list, that stand before its media
	maxShift         = 60 // seconds by which an edit list moves a track at most; others are no alignment of tracks
)

// source is a track as an init section describes it.
type source struct {
	av.Track
	scale    uint32
	carried  bool     // its samples are frames
	defaults defaults // of trex
	next     int64    // decoding time behind its last sample, in its scale

	shift time.Duration // that its edit list adds to all times
}

// defaults are what holds for samples that say nothing else (ISO/IEC 14496-12 8.8.3, 8.8.7).
type defaults struct{ duration, size, flags uint32 }

// parseMoov reads the content of a moov box. Tracks that are no tracks of weir's are left out.
func parseMoov(b []byte) (all []source) {
	var scale uint32 // of the presentation
	children(b, func(kind string, b []byte) {
		switch {
		case kind == "mvhd":
			scale = field(b, 12, 20) // 8.2.2.2
		case kind == "trak" && len(all) < maxTracks:
			if s := parseTrak(b, scale); s.carried {
				all = append(all, s)
			}
		}
	})
	children(b, func(kind string, b []byte) {
		if kind != "mvex" {
			return
		}
		children(b, func(kind string, b []byte) {
			if kind != "trex" || len(b) < 24 {
				return
			}
			id := binary.BigEndian.Uint32(b[4:])
			for i := range all {
				if TrackID(all[i].ID) == id {
					all[i].defaults = defaults{
						binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:]),
					}
				}
			}
		})
	})
	return all
}

func parseTrak(b []byte, scale uint32) (s source) {
	var id uint32
	var edits []byte
	children(b, func(kind string, b []byte) {
		switch kind {
		case "tkhd":
			id = field(b, 12, 20) // 8.3.2.2
		case "edts":
			edits = b
		case "mdia":
			s.media(kind, b)
		}
	})
	children(edits, func(kind string, b []byte) {
		if kind == "elst" {
			s.edit(b, scale)
		}
	})
	s.ID = av.TrackID(id - 1)
	s.carried = s.carried && id > 0 && id-1 <= math.MaxUint8 && s.scale > 0
	return s
}

// edit reads an edit list (8.6.6): the track is late by the empty edits that it begins with, and early by the media in front of the
// first other one. Writers say so by how much sound an encoder puts in front, and by how much later than they are decoded pictures are
// shown. What follows is of no use in fragments.
func (s *source) edit(b []byte, scale uint32) {
	if len(b) < 8 || scale == 0 || s.scale == 0 {
		return
	}
	c := cursor{b: b[8:]}
	for range min(binary.BigEndian.Uint32(b[4:]), maxEdits) {
		var lasts, from int64
		if b[0] == 1 {
			lasts, from = int64(c.u64()), int64(c.u64())
		} else {
			lasts, from = int64(c.u32()), int64(int32(c.u32()))
		}
		c.u32() // media_rate
		if c.bad || lasts < 0 || from < -1 || lasts/int64(scale) > maxShift || from/int64(s.scale) > maxShift {
			return
		}
		if from >= 0 {
			s.shift -= av.Duration(from, s.scale)
			return
		}
		s.shift += av.Duration(lasts, scale)
	}
}

// media reads what is in a mdia box, or in one of those within it that matter. Each stands in one other only, so that boxes in
// boxes in boxes are not followed down.
func (s *source) media(in string, b []byte) {
	children(b, func(kind string, b []byte) {
		switch {
		case kind == "mdhd":
			s.scale = field(b, 12, 20)
		case in == "mdia" && kind == "minf", in == "minf" && kind == "stbl":
			s.media(kind, b)
		case kind == "stsd" && len(b) > 8 && !s.carried:
			children(b[8:], s.entry)
		}
	})
}

// entry reads a sample entry: the first one that is of a codec of weir's counts.
func (s *source) entry(kind string, b []byte) {
	if s.carried {
		return
	}
	switch kind {
	case "avc1", "hvc1", "hev1", "av01", "vp09":
		s.picture(kind, b)
	case "Opus", "mp4a":
		s.sound(b)
	}
}

func (s *source) picture(kind string, b []byte) {
	if len(b) < visualSampleEntry {
		return
	}
	s.Width, s.Height = int(binary.BigEndian.Uint16(b[24:])), int(binary.BigEndian.Uint16(b[26:]))
	s.ClockRate = VideoTimeScale
	if kind == "hev1" {
		kind = "hvc1"
	}
	for codec, f := range forms {
		if f.entry != kind {
			continue
		}
		children(b[visualSampleEntry:], func(kind string, b []byte) {
			if kind == f.record {
				s.Codec, s.Config = codec, slices.Clone(b)
				s.carried = fourByteLengths(codec, b)
			}
		})
	}
}

// fourByteLengths tells whether NAL units stand behind lengths of four bytes, as they do in frames (ISO/IEC 14496-15 5.3.3.1.2,
// 8.3.3.1.2).
func fourByteLengths(c av.Codec, record []byte) bool {
	switch c {
	case av.CodecH264:
		return len(record) > 4 && record[4]&3 == 3
	case av.CodecH265:
		return len(record) > 21 && record[21]&3 == 3
	default:
		return true
	}
}

func (s *source) sound(b []byte) {
	if len(b) < audioSampleEntry {
		return
	}
	children(b[audioSampleEntry:], func(kind string, b []byte) {
		switch kind {
		case "dOps":
			s.opus(b)
		case "esds":
			s.aac(b)
		}
	})
}

// opus makes an OpusHead of a dOps box: the same fields in the other byte order (Encapsulation of Opus in ISO BMFF 4.3.2).
func (s *source) opus(b []byte) {
	if len(b) < 11 || b[10] != 0 {
		return
	}
	head := append([]byte("OpusHead"), 1, b[1])
	head = binary.LittleEndian.AppendUint16(head, binary.BigEndian.Uint16(b[2:]))
	head = binary.LittleEndian.AppendUint32(head, binary.BigEndian.Uint32(b[4:]))
	head = binary.LittleEndian.AppendUint16(head, binary.BigEndian.Uint16(b[8:]))
	head = append(head, 0)
	if _, err := opus.ParseHead(head); err != nil {
		return
	}
	s.Codec, s.Config, s.ClockRate, s.Channels, s.carried = av.CodecOpus, head, opus.ClockRate, int(b[1]), true
}

// aac finds the AudioSpecificConfig in an esds box.
func (s *source) aac(b []byte) {
	if len(b) < 4 {
		return
	}
	asc := specificInfo(b[4:], 0)
	c, err := aac.ParseConfig(asc)
	if err != nil {
		return
	}
	s.Codec, s.Config, s.ClockRate, s.Channels, s.carried = av.CodecAAC, slices.Clone(asc), uint32(c.Rate), c.Channels, true
}

// specificInfo is the DecoderSpecificInfo in descriptors (ISO/IEC 14496-1 7.2.6), or nil.
func specificInfo(b []byte, depth int) []byte {
	const esTag, configTag, infoTag = 3, 4, 5
	for len(b) > 1 && depth < 3 {
		tag, size, used := b[0], 0, 1
		for used < len(b) && used < 5 {
			size, used = size<<7|int(b[used]&0x7f), used+1
			if b[used-1]&0x80 == 0 {
				break
			}
		}
		if size > len(b)-used {
			return nil
		}
		body := b[used : used+size]
		skip := map[byte]int{esTag: 3, configTag: 13}[tag]
		switch {
		case tag == infoTag:
			return body
		case skip > 0 && len(body) > skip:
			return specificInfo(body[skip:], depth+1)
		}
		b = b[used+size:]
	}
	return nil
}
