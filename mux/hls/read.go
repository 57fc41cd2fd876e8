package hls

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Playlist is what a playlist of somebody else's says: a multivariant one names Variants, a media playlist has Segments. Addresses
// are as they stand there.
type Playlist struct {
	Variants   []VariantRef
	Renditions []Rendition

	Target   time.Duration // EXT-X-TARGETDURATION
	Sequence int64         // the media sequence number of the first of Segments
	Ended    bool          // nothing will follow
	Segments []SegmentRef
}

// VariantRef is a variant of a multivariant playlist.
type VariantRef struct {
	URI       string
	Bandwidth int
	Audio     string // the group of its sound; empty: none beside its own
}

// Rendition is other media for variants, such as their sound in another language.
type Rendition struct {
	Type, Group string
	URI         string // empty: the variants have it themselves
	Default     bool
}

// SegmentRef is a segment of a media playlist.
type SegmentRef struct {
	URI      string
	Range    Range // zero is all of it
	Duration time.Duration
	// Discontinuity counts the discontinuities before the segment, those that are gone from the playlist too.
	Discontinuity int64
	// Map is the initialization section in force; its URI is empty where there is none.
	Map MapRef
	// Encrypted says that it cannot be read without a key, Gap that it is not there.
	Encrypted, Gap bool
}

// MapRef is an initialization section.
type MapRef struct {
	URI   string
	Range Range
}

// maxTarget is the longest target duration that is believed.
const maxTarget = 10 * time.Minute

// Read reads a playlist (RFC 8216 4). What it does not know is passed over, as clause 6.3.1 asks for. The result lies in text.
//
// Errors: ErrFormat.
func Read(text string) (*Playlist, error) {
	lines := strings.Split(text, "\n")
	if strings.TrimRight(strings.TrimPrefix(lines[0], "\ufeff"), " \t\r") != "#EXTM3U" { // 4.3.1.1
		return nil, fmt.Errorf("%w: it does not begin with #EXTM3U", ErrFormat)
	}
	r := reading{list: &Playlist{}}
	for i, line := range lines[1:] {
		if err := r.line(strings.TrimRight(line, " \t\r")); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrFormat, i+2, err)
		}
	}
	if len(r.list.Variants) == 0 && r.list.Target == 0 { // 4.3.3.1 requires one
		return nil, fmt.Errorf("%w: neither variants nor a target duration", ErrFormat)
	}
	return r.list, nil
}

// reading is a playlist as far as it was read.
type reading struct {
	list    *Playlist
	variant *VariantRef // whose address is next
	next    SegmentRef  // whose address is next
	begun   bool        // next has a duration
	after   string      // the address that the last range was of
	end     int64       // of that range
	ranged  bool        // next has a range that begins where the one before ended
}

// line takes a line without the space at its end.
func (r *reading) line(line string) error {
	if line == "" || line[0] == '#' && !strings.HasPrefix(line, "#EXT") { // 4.1: comments
		return nil
	}
	if line[0] != '#' {
		return r.address(line)
	}
	name, value, _ := strings.Cut(line, ":")
	switch name {
	case "#EXT-X-STREAM-INF":
		a := attributes(value)
		bandwidth, _ := strconv.Atoi(a["BANDWIDTH"]) // one without is the least
		r.variant = &VariantRef{Bandwidth: bandwidth, Audio: a["AUDIO"]}
	case "#EXT-X-MEDIA":
		a := attributes(value)
		r.list.Renditions = append(r.list.Renditions, Rendition{
			Type: a["TYPE"], Group: a["GROUP-ID"], URI: a["URI"], Default: a["DEFAULT"] == "YES",
		})
	case "#EXT-X-TARGETDURATION":
		return r.target(value)
	case "#EXT-X-MEDIA-SEQUENCE":
		return number(value, &r.list.Sequence)
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		return number(value, &r.next.Discontinuity)
	case "#EXT-X-ENDLIST":
		r.list.Ended = true
	default:
		return r.segmentTag(name, value)
	}
	return nil
}

// segmentTag takes a tag about the segments that follow.
func (r *reading) segmentTag(name, value string) (err error) {
	switch name {
	case "#EXTINF":
		text, _, _ := strings.Cut(value, ",")
		r.next.Duration, err = seconds(text)
		r.begun = true
	case "#EXT-X-DISCONTINUITY":
		r.next.Discontinuity++
	case "#EXT-X-GAP":
		r.next.Gap = true
	case "#EXT-X-KEY":
		r.next.Encrypted = attributes(value)["METHOD"] != "NONE"
	case "#EXT-X-BYTERANGE":
		var continues bool
		r.next.Range, continues, err = byteRange(value)
		r.ranged = continues
	case "#EXT-X-MAP":
		a := attributes(value)
		if a["URI"] == "" {
			return fmt.Errorf("an EXT-X-MAP without an address")
		}
		r.next.Map = MapRef{URI: a["URI"]}
		if text := a["BYTERANGE"]; text != "" {
			r.next.Map.Range, _, err = byteRange(text)
		}
	}
	return err
}

// address takes the address of a variant or a segment.
func (r *reading) address(line string) error {
	if r.variant != nil {
		r.variant.URI = line
		r.list.Variants = append(r.list.Variants, *r.variant)
		r.variant = nil
		return nil
	}
	if !r.begun { // 4.3.2.1: each segment has a duration
		return fmt.Errorf("a segment without a duration")
	}
	s := r.next
	s.URI = line
	if r.ranged { // 4.3.2.2: it begins behind the one before, which is of the same address
		if r.after != line {
			return fmt.Errorf("a range that continues none")
		}
		s.Range.Offset = r.end
	}
	if s.Range.Offset > math.MaxInt64-s.Range.Length {
		return fmt.Errorf("a range beyond all bounds")
	}
	r.after, r.end = line, s.Range.Offset+s.Range.Length
	r.list.Segments = append(r.list.Segments, s)
	r.next.Duration, r.next.Range, r.next.Gap, r.begun, r.ranged = 0, Range{}, false, false, false
	return nil
}

func (r *reading) target(value string) error {
	d, err := seconds(value)
	if err != nil || d == 0 || d > maxTarget {
		return fmt.Errorf("a target duration of %q", value)
	}
	r.list.Target = d
	return nil
}

// byteRange reads n[@o] (4.3.2.2); continues says that there is no offset.
func byteRange(text string) (b Range, continues bool, err error) {
	length, offset, has := strings.Cut(text, "@")
	if err := number(length, &b.Length); err != nil {
		return b, false, err
	}
	if b.Length == 0 {
		return b, false, fmt.Errorf("a range of no bytes")
	}
	if has {
		err = number(offset, &b.Offset)
	}
	return b, !has, err
}

// number reads a decimal-integer (4.2).
func number(text string, to *int64) error {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/2 { // so that counting on from it does not wrap
		return fmt.Errorf("%.20q is no number", text)
	}
	*to = n
	return nil
}

// seconds reads a decimal-floating-point number of seconds.
func seconds(text string) (time.Duration, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(v >= 0 && v < 1e6) {
		return 0, fmt.Errorf("%.20q is no duration", text)
	}
	return time.Duration(v * float64(time.Second)), nil
}

// attributes reads an attribute list (4.2); quotes are taken off.
func attributes(text string) map[string]string {
	all := make(map[string]string)
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			value, rest, _ = strings.Cut(rest[1:], `"`)
			_, text, _ = strings.Cut(rest, ",")
		} else {
			value, text, _ = strings.Cut(rest, ",")
		}
		all[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return all
}
