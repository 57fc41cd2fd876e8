package depacket

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"weir/mux/av"
	avc "weir/mux/codec/h264"
)

// DTS finds the decoding time of pictures that are shown in another order than they are decoded in. Browsers
// send none; some native encoders do. It is fed whole access units only.
type DTS struct {
	extractor *h264.DTSExtractor
	sps       []byte
}

// At returns the decoding time of a unit that is shown at pts. An error means that the order cannot be told
// before the next key frame.
func (d *DTS) At(u *Unit, pts time.Duration) (time.Duration, error) {
	if u.Config != nil {
		sps, _, err := avc.ParseConfig(u.Config.Config)
		if err != nil {
			return 0, fmt.Errorf("cannot find decoding time: %w", err)
		}
		d.sps = sps[0]
	}
	if !u.Reorder {
		return pts, nil
	}
	if u.Key { // a key frame starts afresh, whatever was lost before it
		d.extractor = new(h264.DTSExtractor)
		d.extractor.Initialize()
	}
	if d.extractor == nil {
		return 0, fmt.Errorf("cannot find decoding time before a key frame")
	}
	ticks, err := d.extractor.Extract(d.nals(u), av.Ticks(pts, 90000))
	if err != nil {
		return 0, fmt.Errorf("cannot find decoding time: %w", err)
	}
	return av.Duration(ticks, 90000), nil
}

// nals lists the unit's NAL units, the sequence parameter set first where the extractor looks for it.
func (d *DTS) nals(u *Unit) [][]byte {
	var out [][]byte
	if u.Key {
		out = append(out, d.sps)
	}
	for b := u.Data; len(b) > lengthPrefix; {
		n := lengthPrefix + int(binary.BigEndian.Uint32(b))
		out = append(out, b[lengthPrefix:n])
		b = b[n:]
	}
	return out
}
