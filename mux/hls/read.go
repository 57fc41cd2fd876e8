package hls

import (
	"encoding/hex"
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

// End is the number of the segment behind the last one.
func (p *Playlist) End() int64 { return p.Sequence + int64(len(p.Segments)) }

// Behind tells whether the playlist lacks the newest segments up to number and is else like one that has them: an older one of the
// same source, or that of a source that has just begun.
func (p *Playlist) Behind(number int64) bool {
	return p.End() < number && number-p.End() <= int64(len(p.Segments))
}

// VariantRef is a variant of a multivariant playlist.
type VariantRef struct {
	URI       string
	Bandwidth int
	Audio     string // the group of its sound; empty: none beside its own
	Codecs    string // as RFC 6381 writes them, those of the group included; empty: not said
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
	// Breaks says that the last of these stands right before it.
	Breaks bool
	// Map is the initialization section in force; its URI is empty where there is none.
	Map MapRef
	// Key says how it is encrypted.
	Key KeyRef
	// Gap says that it is not there.
	Gap bool
}

// MapRef is an initialization section.
type MapRef struct {
	URI   string
	Range Range
	Key   KeyRef // that was in force where it is named (RFC 8216 4.3.2.5)
}

// KeyRef is how something is encrypted (RFC 8216 4.3.2.4). The zero value says that it is not.
type KeyRef struct {
	Method string // AES-128; any other one, or one of another key format, is a method that is not known
	URI    string
	// IV is the initialization vector where HasIV; without one it is the number of the segment (5.2).
	IV    [16]byte
	HasIV bool
}

// MethodAES128 is the one method of which Read takes the parts: all of a segment or section is encrypted with AES-128, in CBC and
// with PKCS7 padding.
const MethodAES128 = "AES-128"

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
	keyed   bool        // the key of next stands right before it, in the form that is known
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
		r.variant = &VariantRef{Bandwidth: bandwidth, Audio: a["AUDIO"], Codecs: a["CODECS"]}
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
		r.next.Breaks = true
	case "#EXT-X-GAP":
		r.next.Gap = true
	case "#EXT-X-KEY":
		return r.key(attributes(value))
	case "#EXT-X-BYTERANGE":
		var continues bool
		r.next.Range, continues, err = byteRange(value)
		r.ranged = continues
	case "#EXT-X-MAP":
		a := attributes(value)
		if a["URI"] == "" {
			return fmt.Errorf("an EXT-X-MAP without an address")
		}
		r.next.Map = MapRef{URI: a["URI"], Key: r.next.Key}
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
	r.next.Duration, r.next.Range, r.next.Gap, r.next.Breaks = 0, Range{}, false, false
	r.begun, r.ranged, r.keyed = false, false, false
	return nil
}

// key takes an EXT-X-KEY (4.3.2.4). The same key may stand there in several formats, of which identity is the one that is known.
func (r *reading) key(a map[string]string) error {
	k := KeyRef{Method: a["METHOD"], URI: a["URI"]}
	switch {
	case k.Method == "NONE":
		r.next.Key = KeyRef{}
		return nil
	case k.Method != MethodAES128 || a["KEYFORMAT"] != "" && a["KEYFORMAT"] != "identity":
		if !r.keyed {
			r.next.Key = KeyRef{Method: k.Method + " " + a["KEYFORMAT"]}
		}
		return nil
	case k.URI == "":
		return fmt.Errorf("a key without an address")
	}
	if text, ok := a["IV"]; ok {
		if err := k.vector(text); err != nil {
			return err
		}
	}
	r.next.Key, r.keyed = k, true
	return nil
}

// vector reads an initialization vector, a hexadecimal-sequence of 128 bits (4.2).
func (k *KeyRef) vector(text string) error {
	digits := strings.TrimPrefix(strings.ToLower(text), "0x")
	if len(digits) == len(text) || len(digits) > 2*len(k.IV) {
		return fmt.Errorf("%.40q is no initialization vector", text)
	}
	digits = strings.Repeat("0", 2*len(k.IV)-len(digits)) + digits
	if _, err := hex.Decode(k.IV[:], []byte(digits)); err != nil {
		return fmt.Errorf("%.40q is no initialization vector", text)
	}
	k.HasIV = true
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
