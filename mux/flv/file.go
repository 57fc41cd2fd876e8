package flv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"weir/mux/av"
)

// The properties of onMetaData that are known when a file is complete, in seconds and in bytes.
const (
	durationName = "duration"
	sizeName     = "filesize"
)

// FactsSize is how much of a file's beginning SetFacts needs.
const FactsSize = 512

// AppendFilePreamble is AppendPreamble for a file, which begins at 0. Its metadata has room for the file's duration and
// size; see SetFacts.
func AppendFilePreamble(dst []byte, ts av.Tracks, encoder string) ([]byte, error) {
	return appendPreamble(dst, ts, encoder, 0, true)
}

// SetFacts writes a file's duration and size into its beginning, head, which AppendFilePreamble made. ok is false when there
// is no place for them.
func SetFacts(head []byte, duration time.Duration, size int64) (ok bool) {
	return setNumber(head, durationName, duration.Seconds()) && setNumber(head, sizeName, float64(size))
}

// setNumber replaces a number of the metadata.
func setNumber(head []byte, name string, v float64) bool {
	property := append(appendName(nil, name), amfNumber)
	at := bytes.Index(head, property)
	if at < 0 || len(head)-at-len(property) < 8 {
		return false
	}
	binary.BigEndian.PutUint64(head[at+len(property):], math.Float64bits(v))
	return true
}

// Scan reads the heads of all tags of a file of size bytes and tells where the last whole one ends, and how long the media
// lasts up to it: what stands behind it, such as one that a process did not come to finish, is left out.
//
// Errors: ErrFormat for what is no FLV; those of r.
func Scan(r io.ReaderAt, size int64) (whole int64, last time.Duration, err error) {
	var head [headerSize + prevSizeSize]byte
	if size < int64(len(head)) {
		return 0, 0, fmt.Errorf("%w: no header", ErrFormat)
	}
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return 0, 0, err
	}
	if string(head[:3]) != "FLV" || binary.BigEndian.Uint32(head[5:]) != headerSize {
		return 0, 0, fmt.Errorf("%w: not the header of a file", ErrFormat)
	}
	whole = int64(len(head))
	for size-whole >= tagHeadSize+prevSizeSize {
		n, at, err := tagAt(r, whole, size)
		if err != nil || n == 0 {
			return whole, last, err
		}
		whole += n
		last = max(last, at)
	}
	return whole, last, nil
}

// tagAt is the size of the tag at a place, with the PreviousTagSize behind it, and its time; 0 when none is whole.
func tagAt(r io.ReaderAt, at, size int64) (n int64, ms time.Duration, err error) {
	var head [tagHeadSize]byte
	if _, err := r.ReadAt(head[:], at); err != nil {
		return 0, 0, err
	}
	body := int64(head[1])<<16 | int64(head[2])<<8 | int64(head[3])
	n = tagHeadSize + body + prevSizeSize
	if typ := head[0]; typ != typeAudio && typ != typeVideo && typ != typeScript || n > size-at {
		return 0, 0, nil
	}
	var behind [prevSizeSize]byte
	if _, err := r.ReadAt(behind[:], at+n-prevSizeSize); err != nil {
		return 0, 0, err
	}
	if int64(binary.BigEndian.Uint32(behind[:])) != tagHeadSize+body {
		return 0, 0, nil
	}
	// Adobe FLV 10.1, E.4.1: the upper 8 of 32 bits stand behind the lower 24.
	stamp := uint32(head[7])<<24 | uint32(head[4])<<16 | uint32(head[5])<<8 | uint32(head[6])
	return n, time.Duration(stamp) * time.Millisecond, nil
}
