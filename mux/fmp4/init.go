package fmp4

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/opus"
	"weir/mux/codec/vp9"
)

// The time scales in which parts count: ticks a second.
const (
	VideoTimeScale = 90000
	AudioTimeScale = 48000
)

// form is how one codec stands in an init section. A codec more is a row more in forms.
type form struct {
	// entry is the sample entry's type, record the type of the box in it that holds Track.Config as it is;
	// empty where mediacommon writes that box itself.
	entry, record string
	open          func(t *av.Track) (codecs.Codec, error)
}

var forms = map[av.Codec]form{
	av.CodecH264: {entry: "avc1", record: "avcC", open: openH264},
	av.CodecH265: {entry: "hvc1", record: "hvcC", open: openH265},
	av.CodecAV1:  {entry: "av01", record: "av1C", open: openAV1},
	av.CodecVP9:  {entry: "vp09", record: "vpcC", open: openVP9},
	av.CodecOpus: {entry: "Opus", open: openOpus},
	av.CodecAAC:  {entry: "mp4a", open: openAAC},
}

// Carries tells whether tracks of the codec can be written.
func Carries(c av.Codec) bool {
	_, ok := forms[c]
	return ok
}

// TrackID is the track's ID in the container, where 0 is not allowed (ISO/IEC 14496-12 8.3.2.3).
func TrackID(id av.TrackID) uint32 { return uint32(id) + 1 }

// TimeScale is the time scale of tracks of the codec.
func TimeScale(c av.Codec) uint32 {
	if c.IsVideo() {
		return VideoTimeScale
	}
	return AudioTimeScale
}

// Init is the init section (ftyp and moov) of the tracks: what a player needs before parts that carry them.
//
// Errors: ErrCodec for a track that cannot be carried; those of the codec packages for a Config that cannot be
// read.
func Init(ts av.Tracks) ([]byte, error) { return initSection(ts, TimeScale) }

// initSection is Init with time scales of its own.
func initSection(ts av.Tracks, scale func(c av.Codec) uint32) ([]byte, error) {
	var in fmp4.Init
	for i := range ts {
		t := &ts[i]
		f, ok := forms[t.Codec]
		if !ok {
			return nil, fmt.Errorf("track %d, %v: %w", t.ID, t.Codec, ErrCodec)
		}
		codec, err := f.open(t)
		if err != nil {
			return nil, fmt.Errorf("cannot describe track %d: %w", t.ID, err)
		}
		in.Tracks = append(in.Tracks, &fmp4.InitTrack{
			ID: int(TrackID(t.ID)), TimeScale: scale(t.Codec), Codec: codec,
		})
	}
	var buf seekablebuffer.Buffer
	if err := in.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("cannot write init section: %w", err)
	}
	return withRecords(buf.Bytes(), ts)
}

// withRecords puts the tracks' own configuration records into an init section: mediacommon makes them anew
// from one parameter set of each kind, and a stream may use several.
func withRecords(section []byte, ts av.Tracks) ([]byte, error) {
	for i := range ts {
		f := forms[ts[i].Codec]
		if f.record == "" {
			continue
		}
		path := []step{
			{kind: "moov"},
			{kind: "trak", nth: i},
			{kind: "mdia"},
			{kind: "minf"},
			{kind: "stbl"},
			{kind: "stsd", head: 8}, // version, flags, entry_count
			{kind: f.entry, head: visualSampleEntry},
			{kind: f.record},
		}
		var ok bool
		if section, ok = replaceBox(section, path, ts[i].Config); !ok {
			return nil, fmt.Errorf("cannot find %s of track %d in init section", f.record, ts[i].ID)
		}
	}
	return section, nil
}

func openH264(t *av.Track) (codecs.Codec, error) {
	sps, pps, err := h264.ParseConfig(t.Config)
	if err != nil {
		return nil, err
	}
	if len(pps) == 0 {
		return nil, fmt.Errorf("%w: no picture parameter set", h264.ErrConfig)
	}
	return &codecs.H264{SPS: sps[0], PPS: pps[0]}, nil
}

func openH265(t *av.Track) (codecs.Codec, error) {
	sets, err := h265.ParseConfig(t.Config)
	if err != nil {
		return nil, err
	}
	return &codecs.H265{VPS: sets.VPS[0], SPS: sets.SPS[0], PPS: sets.PPS[0]}, nil
}

func openAV1(t *av.Track) (codecs.Codec, error) {
	payload, err := av1.ParseConfig(t.Config)
	if err != nil {
		return nil, err
	}
	return &codecs.AV1{SequenceHeader: append([]byte{av1.OBUSequenceHeader << 3}, payload...)}, nil
}

// openVP9 goes by the track, since the record has no size; the record itself takes the place of what is written of it.
func openVP9(t *av.Track) (codecs.Codec, error) {
	if _, err := vp9.ParseConfig(t.Config); err != nil {
		return nil, err
	}
	return &codecs.VP9{Width: t.Width, Height: t.Height, BitDepth: 8, ChromaSubsampling: 1}, nil
}

func openOpus(t *av.Track) (codecs.Codec, error) {
	head, err := opus.ParseHead(t.Config)
	if err != nil {
		return nil, err
	}
	return &codecs.Opus{ChannelCount: head.Channels}, nil
}

func openAAC(t *av.Track) (codecs.Codec, error) {
	var asc mpeg4audio.AudioSpecificConfig
	if err := asc.Unmarshal(t.Config); err != nil {
		return nil, err
	}
	return &codecs.MPEG4Audio{Config: asc}, nil
}
