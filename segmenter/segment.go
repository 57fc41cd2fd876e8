package segmenter

import "time"

// Init is an init section. It is immutable.
type Init struct {
	Name string
	Data []byte
	// Codecs is the CODECS attribute of what it describes; Width and Height are the picture's size, 0 without
	// video.
	Codecs        string
	Width, Height int
}

// Part is a piece of a segment: one moof with its mdat. It is immutable.
type Part struct {
	Duration time.Duration
	// Independent says that the part begins with a key frame.
	Independent bool
	// Data is a piece of the segment's bytes.
	Data []byte
}

// Segment is a media segment (RFC 8216bis 3). It is immutable once it stands in a Window.
type Segment struct {
	Name string
	// Sequence is its media sequence number.
	Sequence uint64
	Init     *Init
	// Start is the stream's time at which it begins, Duration how far the next one is from there.
	Start, Duration time.Duration
	ProgramDateTime time.Time
	// Discontinuity says that timestamps or tracks do not go on from the segment before.
	Discontinuity bool
	// Independent says that it begins with a key frame.
	Independent bool
	// Parts are its pieces, in order; together they are Data.
	Parts []Part
	// Data is the whole segment in one buffer, so that a viewer costs one write.
	Data []byte
}

// bitrate is the segment's bit rate in bits a second.
func (s *Segment) bitrate() float64 {
	return float64(len(s.Data)) * 8 / s.Duration.Seconds()
}

// compact makes all parts pieces of the one buffer, which appending may have moved, and gives spare room back
// when there is much of it.
func (s *Segment) compact() {
	if cap(s.Data)-len(s.Data) > cap(s.Data)/4 {
		s.Data = append(make([]byte, 0, len(s.Data)), s.Data...)
	}
	at := 0
	for i := range s.Parts {
		n := len(s.Parts[i].Data)
		s.Parts[i].Data = s.Data[at : at+n : at+n]
		at += n
	}
}
