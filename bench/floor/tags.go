package floor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// The layout of FLV (Adobe FLV 10.1, E.2 and E.4.1).
const (
	headSize    = 9 + 4
	tagHeadSize = 11
	prevSize    = 4
	videoTag    = 9
	scriptTag   = 18
)

// maxTags bounds what is read of a recording.
const maxTags = 100_000

// ErrShort means a recording without two key frames.
var ErrShort = errors.New("the recording has no whole group of pictures")

// Tag is one FLV tag as it goes over the wire.
type Tag struct {
	Data []byte
	DTS  time.Duration
	kind byte
}

// Picture tells whether it is coded video of a classic tag, and a key frame.
func (t Tag) Picture() (ok, key bool) {
	body := t.Data[tagHeadSize:]
	if t.kind != videoTag || len(body) < 6 || body[0]&0x80 != 0 || body[1] != 1 {
		return false, false
	}
	return true, body[0]>>4 == 1
}

// Video is what a picture's tag holds of coded video: NAL units, each behind its length.
func (t Tag) Video() []byte { return t.Data[tagHeadSize+5 : len(t.Data)-prevSize] }

// Recording is what a joiner gets first, and whole groups of pictures to be sent over and over.
type Recording struct {
	Preamble []byte
	Tags     []Tag // the times begin at 0
	Length   time.Duration
}

// Read reads a recording. What stands before the first key frame is its preamble, and what follows the last one is left
// out.
func Read(r io.Reader) (*Recording, error) {
	in := bufio.NewReader(r)
	rec := &Recording{Preamble: make([]byte, headSize)}
	if _, err := io.ReadFull(in, rec.Preamble); err != nil {
		return nil, fmt.Errorf("cannot read a recording: %w", err)
	}
	var keys []int
	for len(rec.Tags) < maxTags {
		t, err := next(in)
		if err != nil {
			break // the end may be within a tag
		}
		_, key := t.Picture()
		switch {
		case key:
			keys = append(keys, len(rec.Tags))
			rec.Tags = append(rec.Tags, t)
		case len(keys) == 0:
			rec.Preamble = append(rec.Preamble, t.Data...)
		case t.kind != scriptTag:
			rec.Tags = append(rec.Tags, t)
		}
	}
	if len(keys) < 2 {
		return nil, ErrShort
	}
	end := keys[len(keys)-1]
	begin := rec.Tags[0].DTS
	rec.Length = rec.Tags[end].DTS - begin
	if rec.Length <= 0 {
		return nil, ErrShort
	}
	rec.Tags = rec.Tags[:end]
	for i := range rec.Tags {
		rec.Tags[i].DTS = max(0, rec.Tags[i].DTS-begin)
	}
	return rec, nil
}

func next(r io.Reader) (Tag, error) {
	var head [tagHeadSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Tag{}, err
	}
	size := int(binary.BigEndian.Uint32(head[0:]) & 0xffffff)
	t := Tag{Data: make([]byte, tagHeadSize+size+prevSize), kind: head[0]}
	copy(t.Data, head[:])
	ms := binary.BigEndian.Uint32(head[4:])>>8 | uint32(head[7])<<24
	t.DTS = time.Duration(ms) * time.Millisecond
	_, err := io.ReadFull(r, t.Data[tagHeadSize:])
	return t, err
}
