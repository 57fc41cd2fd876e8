package pull

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/opus"
	"weir/mux/flv"
	"weir/mux/fmp4"
)

// tsRate is the clock of transport streams (ISO/IEC 13818-1 2.4.3.7), tsWrap when its timestamps begin anew.
const tsRate = 90000

const tsWrap = time.Duration(1<<33) * time.Second / tsRate

// decoder makes frames out of the segments of one rendition: of its first video and its first audio track, as far as they
// are wanted. It is for one goroutine.
type decoder struct {
	noVideo, noAudio bool
	units            flv.Bodies
	frames           []*av.Frame // of the segment
	bad              int         // frames of it that were damaged
	broken           error       // why the media cannot be carried
}

// ts reads a segment of a transport stream. Times are as they stand there, before tsWrap. Frames own their bytes.
//
// Errors: ErrFormat, ErrUnfit.
func (d *decoder) ts(segment []byte) ([]*av.Frame, error) {
	d.begin()
	r := &mpegts.Reader{R: bytes.NewReader(segment)}
	if err := r.Initialize(); err != nil {
		return nil, fmt.Errorf("%w: a transport stream: %w", ErrFormat, err)
	}
	r.OnDecodeError(func(error) { d.bad++ })
	var video, audio bool
	for _, t := range r.Tracks() {
		switch c := t.Codec.(type) {
		case *tscodecs.H264:
			if d.takes(av.CodecH264, &video, &audio) {
				r.OnDataH264(t, d.pictures(av.CodecH264))
			}
		case *tscodecs.H265:
			if d.takes(av.CodecH265, &video, &audio) {
				r.OnDataH265(t, d.pictures(av.CodecH265))
			}
		case *tscodecs.MPEG4Audio:
			if d.takes(av.CodecAAC, &video, &audio) {
				r.OnDataMPEG4Audio(t, d.aac(&c.Config))
			}
		case *tscodecs.Opus:
			if d.takes(av.CodecOpus, &video, &audio) {
				r.OnDataOpus(t, d.opus(c.Desc.ChannelCount()))
			}
		}
	}
	if !video && !audio {
		return nil, fmt.Errorf("%w: no track of a known codec", ErrUnfit)
	}
	return d.readTS(r)
}

func (d *decoder) readTS(r *mpegts.Reader) ([]*av.Frame, error) {
	for {
		switch err := r.Read(); {
		case d.broken != nil:
			return nil, d.broken
		case errors.Is(err, io.EOF):
			return d.frames, nil
		case err != nil:
			return nil, fmt.Errorf("%w: a transport stream: %w", ErrFormat, err)
		}
	}
}

func (d *decoder) begin() { d.frames, d.bad, d.broken = nil, 0, nil }

// pictures takes access units of H.264 and H.265 as NAL units.
func (d *decoder) pictures(c av.Codec) func(pts, dts int64, nals [][]byte) error {
	return func(pts, dts int64, nals [][]byte) error {
		nals = trimmed(nals)
		at := av.Duration(dts, tsRate)
		if d.units.Track(flv.BodyVideo) == nil || d.units.Track(flv.BodyVideo).Codec != c {
			d.record(c, recordOf(c, nals), at)
		}
		n := 0
		for _, nal := range nals {
			n += 4 + len(nal)
		}
		data := make([]byte, 0, n)
		for _, nal := range nals {
			data = binary.BigEndian.AppendUint32(data, uint32(len(nal)))
			data = append(data, nal...)
		}
		d.unit(c, data, at, av.Duration(pts-dts, tsRate))
		return d.broken
	}
}

// trimmed takes zeros off the ends of NAL units, which are not theirs (H.264 B.1.1), and leaves empty ones out.
func trimmed(nals [][]byte) [][]byte {
	out := nals[:0]
	for _, nal := range nals {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			out = append(out, nal)
		}
	}
	return out
}

// recordOf makes a configuration record of the parameter sets among NAL units; nil where some are missing.
func recordOf(c av.Codec, nals [][]byte) []byte {
	var sets h265.Sets // H.264 has no VPS
	for _, nal := range nals {
		switch {
		case c == av.CodecH264 && h264.NALType(nal[0]) == h264.NALSPS, c == av.CodecH265 && h265.NALType(nal[0]) == h265.NALSPS:
			sets.SPS = append(sets.SPS, nal)
		case c == av.CodecH264 && h264.NALType(nal[0]) == h264.NALPPS, c == av.CodecH265 && h265.NALType(nal[0]) == h265.NALPPS:
			sets.PPS = append(sets.PPS, nal)
		case c == av.CodecH265 && h265.NALType(nal[0]) == h265.NALVPS:
			sets.VPS = append(sets.VPS, nal)
		}
	}
	switch {
	case len(sets.SPS) == 0 || len(sets.PPS) == 0:
		return nil
	case c == av.CodecH264:
		return h264.AppendConfig(nil, sets.SPS, sets.PPS)
	default:
		return h265.AppendConfig(nil, sets)
	}
}

// aac takes packets of AAC that follow one another.
func (d *decoder) aac(c *mpeg4audio.Config) func(pts int64, packets [][]byte) error {
	record, err := c.Marshal()
	return func(pts int64, packets [][]byte) error {
		if err != nil {
			d.broken = fmt.Errorf("%w: AAC: %w", ErrUnfit, err)
			return d.broken
		}
		at := av.Duration(pts, tsRate)
		d.record(av.CodecAAC, record, at)
		for _, p := range packets {
			d.unit(av.CodecAAC, bytes.Clone(p), at, 0)
			if t := d.units.Track(flv.BodyAudio); t != nil {
				at += av.Duration(aac.SamplesPerFrame, t.ClockRate)
			}
		}
		return d.broken
	}
}

// opus takes packets of Opus that follow one another.
func (d *decoder) opus(channels int) func(pts int64, packets [][]byte) error {
	record := opus.AppendHead(nil, channels, 0)
	return func(pts int64, packets [][]byte) error {
		at := av.Duration(pts, tsRate)
		d.record(av.CodecOpus, record, at)
		for _, p := range packets {
			d.unit(av.CodecOpus, bytes.Clone(p), at, 0)
			if lasts, err := opus.PacketDuration(p); err == nil {
				at += lasts
			}
		}
		return d.broken
	}
}

// record takes a track's configuration record; one that changes nothing produces nothing.
func (d *decoder) record(c av.Codec, record []byte, at time.Duration) {
	if record == nil {
		return
	}
	switch u, err := d.units.Record(c, record); {
	case err != nil:
		d.broken = fmt.Errorf("%w: %w", ErrUnfit, err)
	case u.Config != nil:
		d.frames = append(d.frames, &av.Frame{Kind: av.KindConfig, Codec: c, DTS: at, Config: u.Config})
	}
}

// unit takes an access unit.
func (d *decoder) unit(c av.Codec, data []byte, at, composition time.Duration) {
	u, err := d.units.AccessUnit(c, data)
	if err != nil {
		d.bad++
		return
	}
	if u.Config != nil {
		d.frames = append(d.frames, &av.Frame{Kind: av.KindConfig, Codec: c, DTS: at, Config: u.Config})
	}
	if len(u.Data) > 0 {
		d.frames = append(d.frames, &av.Frame{Codec: c, Key: u.Key, DTS: at, PTS: at + composition, Data: u.Data})
	}
}

// mp4 reads a segment of fragmented MP4 behind its initialization section.
//
// Errors: ErrFormat, ErrUnfit.
func (d *decoder) mp4(section, segment []byte) ([]*av.Frame, error) {
	d.begin()
	in := fmp4.NewDemuxer(io.MultiReader(bytes.NewReader(section), bytes.NewReader(segment)))
	taken := make(map[av.TrackID]*av.Track)
	var video, audio bool
	for {
		e, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && !video && !audio:
			return nil, fmt.Errorf("%w: no track of a known codec", ErrUnfit)
		case errors.Is(err, io.EOF):
			return d.frames, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		case e.Frame == nil:
			continue
		case e.Frame.Kind == av.KindConfig:
			if t := e.Frame.Config; t != nil && d.takes(t.Codec, &video, &audio) {
				taken[t.ID] = t
			}
		case e.Frame.Kind == av.KindMedia && taken[e.Frame.Track] != nil:
			f := e.Frame
			d.record(f.Codec, taken[f.Track].Config, f.DTS)
			d.unit(f.Codec, f.Data, f.DTS, f.PTS-f.DTS)
		}
		if d.broken != nil {
			return nil, d.broken
		}
	}
}

// takes tells whether a track of a codec is taken: the first of each kind, unless another rendition has that.
func (d *decoder) takes(c av.Codec, video, audio *bool) bool {
	had, not := audio, d.noAudio
	if c.IsVideo() {
		had, not = video, d.noVideo
	}
	first := !*had
	*had = true
	return first && !not
}
