package flv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
	"weir/mux/codec/opus"
	"weir/testdata"
)

const videoID, audioID av.TrackID = 1, 2

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(testdata.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// annexB cuts a sample with start codes of 4 and 3 bytes into NAL units.
func annexB(b []byte) [][]byte {
	var nals [][]byte
	for part := range bytes.SplitSeq(b, []byte{0, 0, 1}) {
		if part = bytes.TrimRight(part, "\x00"); len(part) > 0 {
			nals = append(nals, part)
		}
	}
	return nals
}

// videoFrames is the sample as a publisher of 30 pictures a second would have it in the ring: a config before
// each key frame, one slice a picture. It returns the frames and the track at the start.
func videoFrames(t testing.TB, name string, pictures int, start time.Duration) ([]*av.Frame, *av.Track) {
	t.Helper()
	var (
		frames []*av.Frame
		first  *av.Track
		sps    []byte
		n      int
	)
	for _, nal := range annexB(sample(t, name)) {
		at := start + av.Duration(int64(n)*3000, 90000)
		switch kind := h264.NALType(nal[0]); kind {
		case h264.NALSPS:
			sps = nal
		case h264.NALPPS:
			track := h264TrackOf(t, videoID, sps, nal)
			if first == nil {
				first = track
			}
			frames = append(frames, &av.Frame{Track: videoID, Kind: av.KindConfig, Codec: av.CodecH264, DTS: at, PTS: at, Config: track})
		case h264.NALIDR, h264.NALSlice:
			frames = append(frames, &av.Frame{
				Track: videoID, Codec: av.CodecH264, Key: kind == h264.NALIDR,
				DTS: at, PTS: at, Data: lengthPrefixed(nal),
			})
			n++
		}
		if n == pictures {
			break
		}
	}
	return frames, first
}

func lengthPrefixed(nals ...[]byte) []byte {
	var b []byte
	for _, nal := range nals {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(nal))), nal...)
	}
	return b
}

func h264TrackOf(t testing.TB, id av.TrackID, sps, pps []byte) *av.Track {
	t.Helper()
	s, err := h264.ParseSPS(sps)
	if err != nil {
		t.Fatal(err)
	}
	return &av.Track{
		ID: id, Codec: av.CodecH264, ClockRate: 90000, Width: s.Width, Height: s.Height,
		Config: h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps}),
	}
}

func aacFrames(t testing.TB, limit, start time.Duration) ([]*av.Frame, *av.Track) {
	t.Helper()
	var pkts mpeg4audio.ADTSPackets
	if err := pkts.Unmarshal(sample(t, "tone.aac")); err != nil {
		t.Fatal(err)
	}
	track := &av.Track{
		ID: audioID, Codec: av.CodecAAC, ClockRate: 48000, Channels: 2,
		Config: aac.AppendConfig(nil, 48000, 2),
	}
	var frames []*av.Frame
	for i, pkt := range pkts {
		at := av.Duration(int64(i)*aac.SamplesPerFrame, 48000)
		if at >= limit {
			break
		}
		frames = append(frames, &av.Frame{Track: audioID, Codec: av.CodecAAC, Key: true, DTS: start + at, PTS: start + at, Data: pkt.AU})
	}
	return frames, track
}

// opusFrames reads the packets of the Ogg sample, whose pages hold whole packets only (RFC 3533 6).
func opusFrames(t testing.TB, limit, start time.Duration) ([]*av.Frame, *av.Track) {
	t.Helper()
	var (
		frames []*av.Frame
		track  *av.Track
		at     time.Duration
	)
	for i, pkt := range oggPackets(sample(t, "tone.ogg")) {
		switch i {
		case 0:
			track = &av.Track{ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: pkt}
			continue
		case 1: // OpusTags
			continue
		}
		d, err := opus.PacketDuration(pkt)
		if err != nil {
			t.Fatal(err)
		}
		if at >= limit {
			break
		}
		frames = append(frames, &av.Frame{Track: audioID, Codec: av.CodecOpus, Key: true, DTS: start + at, PTS: start + at, Data: pkt})
		at += d
	}
	return frames, track
}

func oggPackets(b []byte) [][]byte {
	var (
		pkts [][]byte
		part []byte
	)
	for len(b) >= 27 {
		lacing := b[27 : 27+int(b[26])]
		b = b[27+len(lacing):]
		for _, n := range lacing {
			part = append(part, b[:n]...)
			b = b[n:]
			if n < 255 {
				pkts, part = append(pkts, part), nil
			}
		}
	}
	return pkts
}

// merge puts frames of several tracks into the order of a stream.
func merge(tracks ...[]*av.Frame) []*av.Frame {
	all := slices.Concat(tracks...)
	slices.SortStableFunc(all, func(a, b *av.Frame) int { return int(a.DTS - b.DTS) })
	return all
}

// film is preamble and tags of frames, as a viewer gets them from the first key frame on.
func film(t testing.TB, frames []*av.Frame, ts av.Tracks) []byte {
	t.Helper()
	out, err := AppendPreamble(nil, ts, testEncoder, frames[0].DTS)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range encodeAll(t, NewEncoder(ts), frames...) {
		out = append(out, tag.Data...)
	}
	return out
}

func encodeAll(t testing.TB, e *Encoder, frames ...*av.Frame) []Tag {
	t.Helper()
	var tags []Tag
	for _, f := range frames {
		var err error
		if tags, err = e.Encode(tags, f); err != nil {
			t.Fatal(err)
		}
	}
	return tags
}

// rawTag is a tag as it lies in a file, read by the layout of Adobe FLV 10.1 E.4.1 and by nothing else here.
type rawTag struct {
	typ      byte
	ms       uint32
	streamID uint32
	body     []byte
	prev     uint32
}

func rawTags(t testing.TB, b []byte) []rawTag {
	t.Helper()
	var tags []rawTag
	for len(b) > 0 {
		n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		tags = append(tags, rawTag{
			typ: b[0], body: b[11 : 11+n],
			ms:       uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6]) | uint32(b[7])<<24,
			streamID: uint32(b[8])<<16 | uint32(b[9])<<8 | uint32(b[10]),
			prev:     binary.BigEndian.Uint32(b[11+n:]),
		})
		b = b[15+n:]
	}
	return tags
}

// demux reads everything; an error other than the end fails the test.
func demux(t testing.TB, d *Demuxer) []*av.Frame {
	t.Helper()
	var frames []*av.Frame
	for {
		f, err := d.Next()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatalf("after %d frames: %v", len(frames), err)
		}
		frames = append(frames, f)
	}
}
