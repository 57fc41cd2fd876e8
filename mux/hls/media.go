package hls

import (
	"strconv"
	"time"
)

// Segment is one media segment of a playlist.
type Segment struct {
	URI string
	// Map is the URI of the init section that the segment needs.
	Map string
	// Range is the part of URI that is the segment, MapRange that of Map that is the init section; zero is all of it.
	Range, MapRange Range
	Duration        time.Duration
	// ProgramDateTime is the wall time of the segment's first picture; the tag is left out when it is zero.
	ProgramDateTime time.Time
	// Discontinuity says that timestamps or tracks do not go on from the segment before.
	Discontinuity bool
}

// Range is a part of a file, in bytes.
type Range struct{ Offset, Length int64 }

// append appends the range as length@offset.
func (r Range) append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, r.Length, 10)
	dst = append(dst, '@')
	return strconv.AppendInt(dst, r.Offset, 10)
}

// The types of playlists (RFC 8216bis 4.4.3.5).
const (
	// TypeEvent says that segments are only ever added.
	TypeEvent = "EVENT"
	// TypeVOD says that the playlist does not change.
	TypeVOD = "VOD"
)

// Media is a media playlist.
type Media struct {
	// Type is TypeEvent, TypeVOD, or empty for one whose first segments go.
	Type string
	// TargetDuration is in whole seconds. No Duration of a segment may round to more.
	TargetDuration int
	// MediaSequence numbers the first segment; DiscontinuitySequence counts the discontinuities before it.
	MediaSequence, DiscontinuitySequence uint64
	// Independent says that every segment begins with a key frame.
	Independent bool
	// Ended says that no segment will follow.
	Ended    bool
	Segments []Segment
}

// Append appends the playlist's text: UTF-8 without a BOM, lines that end in LF.
func (m *Media) Append(dst []byte) []byte {
	dst = append(dst, "#EXTM3U\n"...)
	dst = appendInt(dst, "#EXT-X-VERSION:", version)
	dst = appendInt(dst, "#EXT-X-TARGETDURATION:", uint64(m.TargetDuration))
	dst = appendInt(dst, "#EXT-X-MEDIA-SEQUENCE:", m.MediaSequence)
	if m.DiscontinuitySequence > 0 {
		// RFC 8216bis 4.4.3.3: before the first segment and any EXT-X-DISCONTINUITY.
		dst = appendInt(dst, "#EXT-X-DISCONTINUITY-SEQUENCE:", m.DiscontinuitySequence)
	}
	if m.Type != "" {
		dst = append(dst, "#EXT-X-PLAYLIST-TYPE:"...)
		dst = append(dst, m.Type...)
		dst = append(dst, '\n')
	}
	if m.Independent {
		dst = append(dst, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	none := Segment{}
	present := &none
	for i := range m.Segments {
		s := &m.Segments[i]
		dst = s.append(dst, present)
		present = s
	}
	if m.Ended {
		dst = append(dst, "#EXT-X-ENDLIST\n"...)
	}
	return dst
}

// append appends the segment's lines; before is the segment whose init section is in force before them.
func (s *Segment) append(dst []byte, before *Segment) []byte {
	if s.Discontinuity {
		dst = append(dst, "#EXT-X-DISCONTINUITY\n"...)
	}
	if s.Map != before.Map || s.MapRange != before.MapRange {
		dst = append(dst, `#EXT-X-MAP:URI="`...)
		dst = append(dst, s.Map...)
		dst = append(dst, '"')
		if s.MapRange.Length > 0 {
			dst = append(dst, `,BYTERANGE="`...) // RFC 8216bis 4.4.4.5
			dst = append(s.MapRange.append(dst), '"')
		}
		dst = append(dst, '\n')
	}
	if !s.ProgramDateTime.IsZero() {
		dst = append(dst, "#EXT-X-PROGRAM-DATE-TIME:"...)
		// Milliseconds always (RFC 8216bis 4.4.4.6), and UTC, so that no reader depends on an offset.
		dst = s.ProgramDateTime.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
		dst = append(dst, '\n')
	}
	dst = append(dst, "#EXTINF:"...)
	dst = strconv.AppendFloat(dst, s.Duration.Seconds(), 'f', 5, 64)
	dst = append(dst, ",\n"...)
	if s.Range.Length > 0 {
		dst = append(dst, "#EXT-X-BYTERANGE:"...) // 4.4.4.2
		dst = append(s.Range.append(dst), '\n')
	}
	dst = append(dst, s.URI...)
	return append(dst, '\n')
}

func appendInt(dst []byte, tag string, v uint64) []byte {
	dst = append(dst, tag...)
	dst = strconv.AppendUint(dst, v, 10)
	return append(dst, '\n')
}
