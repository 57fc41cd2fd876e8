//go:build !nolgpl

package transcode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/tphakala/go-aac/pcm"
)

// maxUnit bounds an access unit: 6144 bits a channel (ISO/IEC 14496-3 4.5.3.1), with room for data elements.
const maxUnit = 8 << 10

// goAACDecoder is the Decoder made of go-aac, which is a port of FFmpeg's fixed-point decoder and under its LGPL.
// That one reads a stream, in which every unit stands behind its length: it is fed one unit at a time, and read by
// just as much as the unit makes.
type goAACDecoder struct {
	asc  []byte
	dec  *pcm.Decoder
	feed []byte // what the decoder has yet to read
	unit []byte // scratch
	out  []byte // scratch: 16-bit samples
}

func newDecoder(asc []byte, n int) (Decoder, error) {
	d := &goAACDecoder{asc: asc, out: make([]byte, FrameSamples*n*2)}
	dec, err := pcm.NewDecoder(d, pcm.WithRawStream(asc))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	d.dec = dec
	return d, nil
}

// Read implements io.Reader for the decoder itself.
func (d *goAACDecoder) Read(b []byte) (int, error) {
	if len(d.feed) == 0 {
		return 0, io.EOF
	}
	n := copy(b, d.feed)
	d.feed = d.feed[n:]
	return n, nil
}

var errUnit = errors.New("damaged AAC access unit")

func (d *goAACDecoder) Decode(dst []float32, unit []byte) ([]float32, error) {
	if len(unit) == 0 || len(unit) > maxUnit {
		return dst, errUnit
	}
	d.unit = append(binary.BigEndian.AppendUint16(d.unit[:0], uint16(len(unit))), unit...)
	d.feed = d.unit
	n, err := d.dec.Read(d.out)
	if err != nil || n != len(d.out) {
		d.feed = nil
		return dst, errors.Join(errUnit, err, d.dec.Reset(d, pcm.WithRawStream(d.asc)))
	}
	for i := 0; i < n; i += 2 {
		dst = append(dst, float32(int16(binary.LittleEndian.Uint16(d.out[i:])))/(1<<15))
	}
	return dst, nil
}
