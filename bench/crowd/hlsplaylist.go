package crowd

import (
	"bufio"
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// playlist is what a player reads of a media playlist (RFC 8216bis 4.4).
type playlist struct {
	target   time.Duration // EXT-X-TARGETDURATION
	hold     time.Duration // how far from the end playback begins
	block    bool          // CAN-BLOCK-RELOAD
	ended    bool
	sequence int // of the first segment
	init     string
	pieces   []piece
	// next are the sequence and the part that a blocking reload waits for.
	nextSequence, nextPart int
}

// piece is a segment, or a part of one where the playlist has parts.
type piece struct {
	uri      string
	duration time.Duration
	wall     time.Time // of its beginning; zero when unknown
	sequence int       // of its segment
	part     int       // its place in the segment; -1 for a whole one
	last     bool      // of its segment
}

// parsePlaylist reads a media playlist. With lowLatency the parts of a segment stand for it.
func parsePlaylist(text []byte, lowLatency bool) playlist {
	var p playlist
	var partHold time.Duration
	var wall time.Time
	var duration time.Duration
	var parts []piece
	sequence := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		tag, value, _ := strings.Cut(lines.Text(), ":")
		switch tag {
		case "#EXT-X-TARGETDURATION":
			p.target = seconds(value)
		case "#EXT-X-MEDIA-SEQUENCE":
			p.sequence, _ = strconv.Atoi(value)
			sequence = p.sequence
		case "#EXT-X-SERVER-CONTROL":
			p.hold, partHold = seconds(attribute(value, "HOLD-BACK")), seconds(attribute(value, "PART-HOLD-BACK"))
			p.block = lowLatency && attribute(value, "CAN-BLOCK-RELOAD") == "YES" && partHold > 0
		case "#EXT-X-MAP":
			p.init = attribute(value, "URI")
		case "#EXT-X-PROGRAM-DATE-TIME":
			wall, _ = time.Parse(time.RFC3339Nano, value)
		case "#EXTINF":
			text, _, _ := strings.Cut(value, ",")
			duration = seconds(text)
		case "#EXT-X-PART":
			if !lowLatency {
				continue
			}
			parts = append(parts, piece{uri: attribute(value, "URI"), duration: seconds(attribute(value, "DURATION")), sequence: sequence, part: len(parts)})
		case "#EXT-X-ENDLIST":
			p.ended = true
		default:
			if tag == "" || tag[0] == '#' {
				continue
			}
			if len(parts) == 0 {
				parts = []piece{{uri: lines.Text(), duration: duration, part: -1}}
			}
			wall = p.add(parts, sequence, wall)
			parts = nil
			sequence++
		}
	}
	p.nextSequence, p.nextPart = sequence, len(parts)
	p.add(parts, sequence, wall)
	for i := range p.pieces {
		p.pieces[i].last = i+1 < len(p.pieces) && p.pieces[i+1].sequence > p.pieces[i].sequence || p.pieces[i].part < 0
	}
	switch {
	case p.block:
		p.hold = partHold
	case p.hold == 0:
		p.hold = 3 * p.target // RFC 8216bis 4.4.3.8
	}
	return p
}

// add appends the pieces of a segment that begins at wall, and returns where the next one does.
func (p *playlist) add(pieces []piece, sequence int, wall time.Time) time.Time {
	for _, x := range pieces {
		x.sequence, x.wall = sequence, wall
		if !wall.IsZero() {
			wall = wall.Add(x.duration)
		}
		p.pieces = append(p.pieces, x)
	}
	return wall
}

// start is where playback begins: the place of the piece, and how far in it.
func (p *playlist) start() (i int, in time.Duration) {
	left := p.hold
	for i, x := range slices.Backward(p.pieces) {
		if left <= x.duration {
			return i, x.duration - left
		}
		left -= x.duration
	}
	return 0, 0
}

// after is the place of the first piece behind one; a player that fell out of the playlist goes on with its first.
func (p *playlist) after(x piece) int {
	for i, y := range p.pieces {
		if y.sequence > x.sequence || y.sequence == x.sequence && y.part > x.part && !x.last {
			return i
		}
	}
	return len(p.pieces)
}

func seconds(text string) time.Duration {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 3600 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// attribute is the value of an attribute list's name (RFC 8216bis 4.2), without quotes.
func attribute(list, name string) string {
	for list != "" {
		var key, value string
		key, list, _ = strings.Cut(list, "=")
		if quoted, ok := strings.CutPrefix(list, `"`); ok {
			value, list, _ = strings.Cut(quoted, `"`)
			list = strings.TrimPrefix(list, ",")
		} else {
			value, list, _ = strings.Cut(list, ",")
		}
		if key == name {
			return value
		}
	}
	return ""
}

// firstVariant is the first media playlist that a multivariant one names.
func firstVariant(text []byte) string {
	variant := false
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#EXT-X-STREAM-INF:"):
			variant = true
		case variant && line != "" && line[0] != '#':
			return line
		}
	}
	return ""
}
