package flv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxTag bounds the body of a tag that is taken in, below the 16 MiB that the format could say: a key frame of
// 50 Mbit/s video is not half of it.
const maxTag = 4 << 20

// RawTag is a tag as it stands in a file.
type RawTag struct {
	Type byte   // BodyAudio, BodyVideo, or what neither is
	Time uint32 // milliseconds, wrapped at 2^32
	Body []byte // the reader's own
}

// Tags reads the tags of an FLV file or stream, whatever is in them. It is for one goroutine.
type Tags struct {
	r     *bufio.Reader
	begun bool
}

// NewTags returns a reader of tags. It reads ahead of what Next returns.
func NewTags(r io.Reader) *Tags { return &Tags{r: bufio.NewReaderSize(r, 64<<10)} }

// Next returns the next tag.
//
// Errors: io.EOF at the end of a tag, io.ErrUnexpectedEOF within one, ErrFormat, ErrTooLarge, or the reader's.
func (t *Tags) Next() (RawTag, error) {
	if !t.begun {
		if err := t.header(); err != nil {
			return RawTag{}, err
		}
		t.begun = true
	}
	return t.tag()
}

// header reads the file header and the first PreviousTagSize (E.2).
func (t *Tags) header() error {
	var h [headerSize]byte
	if _, err := io.ReadFull(t.r, h[:]); err != nil {
		return err
	}
	offset := binary.BigEndian.Uint32(h[5:])
	if string(h[:3]) != "FLV" || h[3] != 1 || offset < headerSize || offset > 1<<10 {
		return fmt.Errorf("%w: header %x", ErrFormat, h)
	}
	_, err := t.r.Discard(int(offset) - headerSize + prevSizeSize)
	return within(err)
}

// tag reads a tag and the PreviousTagSize behind it, which many writers get wrong and none needs.
func (t *Tags) tag() (RawTag, error) {
	var h [tagHeadSize]byte
	if _, err := io.ReadFull(t.r, h[:]); err != nil {
		return RawTag{}, err
	}
	n := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if n > maxTag {
		return RawTag{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(t.r, body); err != nil {
		return RawTag{}, within(err)
	}
	if _, err := t.r.Discard(prevSizeSize); err != nil {
		return RawTag{}, within(err)
	}
	return RawTag{Type: h[0], Time: uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]), Body: body}, nil
}

// within says that an end inside of something is none between tags.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
