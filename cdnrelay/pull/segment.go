package pull

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/opus"
	"weir/mux/flv"
	"weir/mux/fmp4"
	"weir/mux/mpegts"
)

// tsRate is the clock of transport streams (ISO/IEC 13818-1 2.4.3.7), tsWrap when its timestamps begin anew.
const tsRate = 90000

const tsWrap = time.Duration(1<<33) * time.Second / tsRate

// maxUnits is how many access units and packets a segment may have, however small they are: ten minutes, the longest segment that
// is believed, are 36000 pictures and 28000 frames of AAC.
const maxUnits = 1 << 17

// maxAdvance is how much earlier pictures are decoded at most so that none is shown before that.
const maxAdvance = 2 * time.Second

// decoder makes frames out of the segments of one rendition: of its first video and its first audio track, as far as they
// are wanted. It is for one goroutine.
type decoder struct {
	noVideo, noAudio bool
	units            flv.Bodies
	frames           []*av.Frame // of the segment
	pids             [2]uint16   // of the video and the audio track of transport streams; 0: not known yet
	left             []byte      // of AAC that goes on in the next packet
	bad              int         // pictures of it that were damaged
	count            int         // of its access units and packets
	broken           error       // why the media cannot be carried

	end       int64         // of the packed audio before, in 1/tsRate s
	described [2]*av.Track  // what the initialization section said last of them
	early     time.Duration // by which pictures are decoded earlier than it says
}

// ts reads a segment of a transport stream. Times are as they stand there, before tsWrap. Frames own their bytes.
//
// Errors: ErrFormat, ErrUnfit, ErrTooLarge.
func (d *decoder) ts(segment []byte) ([]*av.Frame, error) {
	d.begin()
	d.left = nil
	var packets []mpegts.PESPacket
	err := mpegts.Demux(segment, func(p *mpegts.PESPacket) error {
		if p.Codec != av.CodecNone && d.another() {
			packets = append(packets, *p)
		}
		return d.broken
	})
	switch {
	case d.broken != nil:
		return nil, d.broken
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	case len(packets) == 0:
		return nil, fmt.Errorf("%w: no media of a known codec", ErrUnfit)
	}
	for i := range d.pids {
		d.pids[i] = pidOf(packets, i, d.pids[i])
	}
	for i := range packets {
		p := &packets[i]
		if k := kindOf(p.Codec); p.PID == d.pids[k] && !(d.noVideo && k == kindVideo || d.noAudio && k == kindAudio) {
			d.packet(p)
		}
	}
	return d.frames, d.broken
}

// The kinds of tracks.
const kindVideo, kindAudio = 0, 1

func kindOf(c av.Codec) int {
	if c.IsVideo() {
		return kindVideo
	}
	return kindAudio
}

// pidOf is the elementary stream of a kind that is taken: the one that was, so that it is not another language from segment to
// segment, or else the first one of the programme that there is anything of. 0 is none.
func pidOf(packets []mpegts.PESPacket, kind int, was uint16) (pid uint16) {
	order := math.MaxInt
	for i := range packets {
		p := &packets[i]
		switch {
		case kindOf(p.Codec) != kind:
		case p.PID == was:
			return was
		case p.Order < order:
			pid, order = p.PID, p.Order
		}
	}
	return pid
}

// packet takes a packet of an elementary stream that is taken.
func (d *decoder) packet(p *mpegts.PESPacket) {
	if !d.another() {
		return
	}
	if !p.Timed() || p.Damaged {
		d.lost(p.Codec)
		return
	}
	switch p.Codec {
	case av.CodecH264, av.CodecH265:
		d.picture(p)
	case av.CodecAAC:
		d.aac(p)
	case av.CodecOpus:
		d.opus(p)
	default:
	}
}

// lost notes that an access unit of a codec is missing.
func (d *decoder) lost(c av.Codec) {
	if c.IsVideo() {
		d.bad++
	} else {
		d.left = nil // what follows does not go on with it
	}
}

func (d *decoder) begin() { d.frames, d.bad, d.count, d.broken = nil, 0, 0, nil }

// another counts an access unit or a packet; false when that is one too many, or the media cannot be carried.
func (d *decoder) another() bool {
	if d.count++; d.count > maxUnits && d.broken == nil {
		d.broken = fmt.Errorf("%w: more than %d access units in a segment", ErrTooLarge, maxUnits)
	}
	return d.broken == nil
}

// picture takes an access unit of H.264 or H.265.
func (d *decoder) picture(p *mpegts.PESPacket) {
	nals := mpegts.NALUnits(p.Data)
	at := av.Duration(p.DTS, tsRate)
	if t := d.units.Track(flv.BodyVideo); t == nil || t.Codec != p.Codec {
		d.record(p.Codec, recordOf(p.Codec, nals), at)
	}
	data := make([]byte, 0, len(p.Data)+4*len(nals))
	for _, nal := range nals {
		data = binary.BigEndian.AppendUint32(data, uint32(len(nal))) //nolint:gosec // it lies in a segment
		data = append(data, nal...)
	}
	later := (p.PTS - p.DTS) << 31 >> 31 // of 33 bits: one may have begun anew before the other
	d.unit(p.Codec, data, at, av.Duration(later, tsRate))
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

// aac takes frames of AAC that follow one another. One may begin in a packet and end in the next.
func (d *decoder) aac(p *mpegts.PESPacket) {
	at := av.Duration(p.PTS, tsRate)
	data := slices.Concat(d.left, p.Data)
	if t := d.units.Track(flv.BodyAudio); t != nil && len(d.left) > 0 {
		at -= av.Duration(aac.SamplesPerFrame, t.ClockRate) // 13818-1 2.4.3.7: it is that of what begins in the packet
	}
	for {
		config, frame, rest, err := mpegts.ADTS(data)
		if err != nil {
			rest, frame = nil, nil
		}
		if frame == nil {
			d.left = bytes.Clone(rest)
			return
		}
		if !d.another() {
			return
		}
		d.record(av.CodecAAC, config, at)
		d.unit(av.CodecAAC, bytes.Clone(frame), at, 0)
		if t := d.units.Track(flv.BodyAudio); t != nil {
			at += av.Duration(aac.SamplesPerFrame, t.ClockRate)
		}
		data = rest
	}
}

// opus takes packets of Opus that follow one another.
func (d *decoder) opus(p *mpegts.PESPacket) {
	at := av.Duration(p.PTS, tsRate)
	d.record(av.CodecOpus, opus.AppendHead(nil, p.Channels, 0), at)
	for data := p.Data; len(data) > 0 && d.another(); {
		packet, rest, err := mpegts.OpusUnit(data)
		if err != nil {
			return
		}
		d.unit(av.CodecOpus, bytes.Clone(packet), at, 0)
		if lasts, err := opus.PacketDuration(packet); err == nil {
			at += lasts
		}
		data = rest
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
		d.lost(c)
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
// Errors: ErrFormat, ErrUnfit, ErrTooLarge.
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
			d.advance()
			return d.frames, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		case e.Frame == nil:
			continue
		case e.Frame.Kind == av.KindConfig:
			if t := e.Frame.Config; t != nil && d.takes(t.Codec, &video, &audio) {
				taken[t.ID] = t
			}
		case e.Frame.Kind == av.KindMedia && d.another():
			if f := e.Frame; taken[f.Track] != nil {
				d.describe(taken[f.Track], f.DTS)
				d.unit(f.Codec, f.Data, f.DTS, f.PTS-f.DTS)
			}
		}
		if d.broken != nil {
			return nil, d.broken
		}
	}
}

// advance has all pictures decoded so early that none is shown before it is. ISO/IEC 14496-12 8.6.1.3 allows that, and CMAF writers
// do so; no output could carry it.
func (d *decoder) advance() {
	for _, f := range d.frames {
		if f.Kind == av.KindMedia && f.Codec.IsVideo() {
			d.early = max(d.early, min(f.DTS-f.PTS, maxAdvance))
		}
	}
	for _, f := range d.frames {
		if f.Codec.IsVideo() {
			f.DTS -= d.early
		}
	}
}

// describe takes what an initialization section says of a track. The same again changes nothing, whatever the media has said by
// itself in the meantime.
func (d *decoder) describe(t *av.Track, at time.Duration) {
	k := kindOf(t.Codec)
	if was := d.described[k]; was == nil || was.Codec != t.Codec || !bytes.Equal(was.Config, t.Config) {
		d.described[k] = t
		d.record(t.Codec, t.Config, at)
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
