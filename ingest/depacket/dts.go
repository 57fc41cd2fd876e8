package depacket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/mux/av"
	avc "weir/mux/codec/h264"
	hevc "weir/mux/codec/h265"
)

var errOrder = errors.New("the order of pictures is not known before the next key frame")

// DTS finds the decoding time of pictures that are shown in another order than they are decoded in. Browsers
// send none; some native encoders do. It is fed whole access units only.
type DTS struct {
	codec av.Codec
	sets  [][]byte // parameter sets that the extractor looks for in a key frame

	// What is known of the pictures since the last key frame: the extractor follows their order, or else they are
	// taken as shown in the order in which they are decoded, as long as they look like it, or else nothing is.
	extractor extractor
	inOrder   bool
	last      time.Duration // PTS of the unit before, while inOrder
}

// extractor follows the order of the pictures of one codec.
type extractor interface {
	Extract(nals [][]byte, pts int64) (dts int64, err error)
}

func newExtractor(c av.Codec) extractor {
	if c == av.CodecH265 {
		return new(h265.DTSExtractor)
	}
	e := new(h264.DTSExtractor)
	e.Initialize()
	return e
}

// At returns the decoding time of a unit that is shown at pts. An error means that the order cannot be told
// before the next key frame: every unit until then gets one.
func (d *DTS) At(u *Unit, pts time.Duration) (time.Duration, error) {
	dts, err := d.at(u, pts)
	if err != nil {
		d.extractor, d.inOrder = nil, false
		return 0, fmt.Errorf("cannot find decoding time: %w", err)
	}
	return dts, nil
}

func (d *DTS) at(u *Unit, pts time.Duration) (time.Duration, error) {
	if u.Config != nil {
		if err := d.configure(u.Config); err != nil {
			return 0, err
		}
	}
	switch {
	case !u.Reorder:
		return pts, nil
	case u.Key:
		return d.begin(u, pts), nil
	case d.extractor != nil:
		return d.extract(u, pts)
	case d.inOrder && pts > d.last:
		d.last = pts
		return pts, nil
	default:
		return 0, errOrder
	}
}

// configure takes the parameter sets of a track; only H.264 and H.265 have any.
func (d *DTS) configure(t *av.Track) error {
	d.codec, d.sets = t.Codec, nil
	switch t.Codec {
	case av.CodecH264:
		sps, _, err := avc.ParseConfig(t.Config)
		if err != nil {
			return err
		}
		d.sets = sps[:1]
	case av.CodecH265:
		sets, err := hevc.ParseConfig(t.Config)
		if err != nil {
			return err
		}
		d.sets = [][]byte{sets.SPS[0], sets.PPS[0]}
	default:
	}
	return nil
}

// begin starts afresh at a key frame, whatever was lost before it. Where the extractor cannot follow (it knows no
// pic_order_cnt_type 1), the pictures may still come in the order in which they are shown.
func (d *DTS) begin(u *Unit, pts time.Duration) time.Duration {
	d.extractor, d.inOrder = newExtractor(d.codec), false
	dts, err := d.extract(u, pts)
	if err != nil {
		d.extractor, d.inOrder, d.last = nil, true, pts
		return pts
	}
	return dts
}

func (d *DTS) extract(u *Unit, pts time.Duration) (time.Duration, error) {
	ticks, err := d.extractor.Extract(d.nals(u), av.Ticks(pts, 90000))
	return min(av.Duration(ticks, 90000), pts), err // not above by a rounding
}

// nals lists the unit's NAL units, the parameter sets first where the extractor looks for them.
func (d *DTS) nals(u *Unit) [][]byte {
	var out [][]byte
	if u.Key {
		out = append(out, d.sets...)
	}
	for b := u.Data; len(b) > lengthPrefix; {
		n := lengthPrefix + int(binary.BigEndian.Uint32(b))
		out = append(out, b[lengthPrefix:n])
		b = b[n:]
	}
	return out
}
