package flv

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
)

// TestFL is the checklist of FLV and Enhanced RTMP v2, one row each. FL-15 is about RTMP connections and FL-17
// about HTTP: they are tested where those are.
func TestFL(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"FL-01 header: signature, flags of the tracks, offset, PreviousTagSize0", testHeader},
		{"FL-02 PreviousTagSize is 11 and the DataSize", testPreviousTagSize},
		{"FL-03 StreamID 0, timestamp over 2^24 and 2^32 ms", testTimestamp},
		{"FL-04 times rise within each track, composition time signed", testTimesRise},
		{"FL-05 onMetaData first, an ECMA array with its terminator", testScript},
		{"FL-06 sequence headers before frames, for every viewer", testSequenceHeaders},
		{"FL-07 a joiner begins at a key frame, tracks together", testJoin},
		{"FL-08 NAL units behind 4 bytes of length", testLengthPrefix},
		{"FL-09 frame type 1 only on IDR", testFrameType},
		{"FL-10 a new SPS gives a new sequence header before its frame", testNewSPS},
		{"FL-11 one raw AAC frame a tag, the real rate in the config", testAAC},
		{"FL-12 Opus is Enhanced, sound format 9", testOpus},
		{"FL-13 Enhanced video, composition time only where it is not 0", testEnhancedVideo},
		{"FL-14 unknown packet types and FourCCs are passed over", func(t *testing.T) { testSkipped(t, "packet type 15", "unknown video FourCC", "unknown audio FourCC") }},
		{"FL-16 multitrack packets are passed over", func(t *testing.T) { testSkipped(t, "multitrack video", "multitrack audio") }},
	} {
		t.Run(c.name, c.run)
	}
}

// recording is a second of picture and sound of the samples from start on, and the tracks.
func recording(t testing.TB, start time.Duration) ([]*av.Frame, av.Tracks) {
	t.Helper()
	video, v := videoFrames(t, "bars-360p.h264", 90, start)
	audio, a := aacFrames(t, 3*time.Second, start)
	return merge(video, audio), av.Tracks{*v, *a}
}

// recordingTags is the tags of a film, without the header.
func recordingTags(t testing.TB, start time.Duration) []rawTag {
	t.Helper()
	frames, ts := recording(t, start)
	return rawTags(t, film(t, frames, ts)[headerSize+prevSizeSize:])
}

func testHeader(t *testing.T) {
	for _, c := range []struct {
		name  string
		ts    av.Tracks
		flags byte
	}{
		{"both", av.Tracks{small, sound}, 5},
		{"video", av.Tracks{small}, 1},
		{"audio", av.Tracks{sound}, 4},
		{"audio that is not configured yet", av.Tracks{small, {ID: audioID, Codec: av.CodecOpus}}, 1},
	} {
		b, err := AppendPreamble(nil, c.ts, testEncoder, 0)
		if err != nil {
			t.Fatal(err)
		}
		if want := []byte{'F', 'L', 'V', 1, c.flags, 0, 0, 0, 9, 0, 0, 0, 0}; !bytes.HasPrefix(b, want) {
			t.Errorf("%s: %x, want %x", c.name, b[:13], want)
		}
	}
}

func testPreviousTagSize(t *testing.T) {
	for i, r := range recordingTags(t, 0) {
		if int(r.prev) != 11+len(r.body) {
			t.Fatalf("tag %d: %d behind %d bytes", i, r.prev, len(r.body))
		}
	}
}

func testTimestamp(t *testing.T) {
	for _, start := range []time.Duration{0, (1<<24 - 500) * ms, (1<<32 - 500) * ms} {
		frames, ts := recording(t, start)
		b := film(t, frames, ts)
		for i, r := range rawTags(t, b[headerSize+prevSizeSize:]) {
			if r.streamID != 0 {
				t.Fatalf("tag %d: stream %d", i, r.streamID)
			}
		}
		media := slices.DeleteFunc(slices.Clone(frames), func(f *av.Frame) bool { return f.Kind != av.KindMedia })
		got := slices.DeleteFunc(demux(t, NewDemuxer(bytes.NewReader(b))), func(f *av.Frame) bool { return f.Kind != av.KindMedia })
		if len(got) != len(media) {
			t.Fatalf("%d of %d frames", len(got), len(media))
		}
		for i, f := range got {
			if off := f.DTS - media[i].DTS; off > ms/2 || off < -ms/2 {
				t.Fatalf("from %v: frame %d at %v, want %v", start, i, f.DTS, media[i].DTS)
			}
		}
	}
}

func testTimesRise(t *testing.T) {
	frames, ts := recording(t, 0)
	rising(t, encodeAll(t, NewEncoder(ts), frames...))
	late := picture(40*ms, false)
	late.PTS = 30 * ms
	if cts := rawTags(t, encodeAll(t, NewEncoder(av.Tracks{small}), late)[0].Data)[0].body[2:5]; !bytes.Equal(cts, []byte{0xff, 0xff, 0xf6}) {
		t.Errorf("composition time %x, want -10 in 24 bits", cts)
	}
	nudged := sent(t, encodeAll(t, NewEncoder(av.Tracks{small}), picture(10*ms, true), picture(10*ms+1, false)))
	if !slices.Equal(nudged, []string{"V10", "v11"}) {
		t.Errorf("two pictures in one millisecond: %v", nudged)
	}
	again := encodeAll(t, NewEncoder(av.Tracks{small}), picture(10*ms, true), picture(10*ms+1, false))[1]
	if cts := rawTags(t, again.Data)[0].body[2:5]; !bytes.Equal(cts, []byte{0, 0, 0}) {
		t.Errorf("composition time %x of a picture that was moved", cts)
	}
}

func testScript(t *testing.T) {
	first := recordingTags(t, time.Hour)[0]
	if first.typ != typeScript || first.ms != 0 {
		t.Fatalf("type %d at %d ms", first.typ, first.ms)
	}
	name := append([]byte{2, 0, 10}, "onMetaData"...)
	if !bytes.HasPrefix(first.body, append(name, 8)) || !bytes.HasSuffix(first.body, []byte{0, 0, 9}) {
		t.Errorf("%x", first.body)
	}
	if n := binary.BigEndian.Uint32(first.body[14:]); int(n) != len(readMetadata(t, first.body)) {
		t.Errorf("the array says it has %d properties", n)
	}
}

func testSequenceHeaders(t *testing.T) {
	_, ts := recording(t, 0)
	for _, at := range []time.Duration{0, time.Hour} {
		b, err := AppendPreamble(nil, ts, testEncoder, at)
		if err != nil {
			t.Fatal(err)
		}
		tags := rawTags(t, b[headerSize+prevSizeSize:])
		if len(tags) != 3 {
			t.Fatalf("%d tags", len(tags))
		}
		video, audio := tags[1], tags[2]
		if video.typ != typeVideo || video.ms != uint32(at/ms) || !bytes.Equal(video.body, append([]byte{0x17, 0, 0, 0, 0}, ts[0].Config...)) {
			t.Errorf("video: %+v", video)
		}
		if audio.typ != typeAudio || audio.ms != uint32(at/ms) || !bytes.Equal(audio.body, append([]byte{0xaf, 0}, ts[1].Config...)) {
			t.Errorf("audio: %+v", audio)
		}
	}
}

func testJoin(t *testing.T) {
	frames, ts := recording(t, time.Hour)
	tags := encodeAll(t, NewEncoder(ts), frames...)
	i := slices.IndexFunc(tags, func(tag Tag) bool { return tag.Join() && tag.DTS > time.Hour })
	if i < 0 {
		t.Fatal("no join point but the first")
	}
	b, err := AppendPreamble(nil, ts, testEncoder, tags[i].DTS)
	if err != nil {
		t.Fatal(err)
	}
	all := rawTags(t, append(b, tags[i].Data...)[headerSize+prevSizeSize:])
	key := all[len(all)-1]
	if key.body[0] != 0x17 || key.body[1] != 1 {
		t.Errorf("the first picture begins with %x", key.body[:2])
	}
	for _, r := range all[1:] {
		if r.ms != key.ms {
			t.Errorf("type %d at %d ms, the key frame at %d ms", r.typ, r.ms, key.ms)
		}
	}
}

func testLengthPrefix(t *testing.T) {
	for i, r := range recordingTags(t, 0) {
		if r.typ != typeVideo || r.body[1] != classicFrame {
			continue
		}
		units := 0
		for b := r.body[5:]; len(b) > 0; units++ {
			n := binary.BigEndian.Uint32(b)
			switch h264.NALType(b[4]) {
			case h264.NALSlice, h264.NALIDR:
			default:
				t.Fatalf("tag %d: NAL unit of type %d", i, h264.NALType(b[4]))
			}
			b = b[4+n:]
		}
		if units != 1 {
			t.Fatalf("tag %d: %d NAL units, want the one slice", i, units)
		}
	}
}

func testFrameType(t *testing.T) {
	keys := 0
	for i, r := range recordingTags(t, 0) {
		if r.typ != typeVideo || r.body[1] != classicFrame {
			continue
		}
		want := byte(0x27)
		if h264.NALType(r.body[9]) == h264.NALIDR {
			want = 0x17
			keys++
		}
		if r.body[0] != want {
			t.Fatalf("tag %d: %#x, want %#x", i, r.body[0], want)
		}
	}
	if keys != 2 {
		t.Errorf("%d key frames in 90 pictures, want 2", keys)
	}
}

func testNewSPS(t *testing.T) {
	first, track := videoFrames(t, "bars-360p.h264", 10, 0)
	second, wide := videoFrames(t, "bars-720p.h264", 10, 333333*time.Microsecond)
	tags := encodeAll(t, NewEncoder(av.Tracks{*track}), append(first, second...)...)
	i := slices.IndexFunc(tags, func(tag Tag) bool { return tag.Kind == av.KindConfig })
	if i != 11 || len(tags) != 22 { // ten pictures and the last once more
		t.Fatalf("sequence header at %d of %d", i, len(tags))
	}
	if !bytes.Equal(tags[i].Body()[5:], wide.Config) || tags[i].Config.Width != 1280 || !tags[i+1].Key {
		t.Errorf("%+v", tags[i].Config)
	}
	if !tags[i-1].Again || tags[i-2].Again || !bytes.Equal(tags[i-1].Body(), tags[i-2].Body()) || tags[i-1].DTS != tags[i+1].DTS-ms {
		t.Error("the last picture does not stand before the sequence header once more")
	}
}

func testAAC(t *testing.T) {
	frames, track := aacFrames(t, time.Second, 0)
	tags := rawTags(t, film(t, frames, av.Tracks{*track})[headerSize+prevSizeSize:])
	if c, err := aac.ParseConfig(tags[1].body[2:]); err != nil || c.Rate != 48000 {
		t.Errorf("config %+v, %v", c, err)
	}
	if len(tags) != len(frames)+2 {
		t.Fatalf("%d tags of %d frames", len(tags), len(frames))
	}
	for i, f := range frames {
		if body := tags[i+2].body; body[0] != 0xaf || body[1] != 1 || !bytes.Equal(body[2:], f.Data) {
			t.Fatalf("frame %d: %x", i, body[:4])
		}
	}
}

func testOpus(t *testing.T) {
	frames, track := opusFrames(t, time.Second, 0)
	tags := rawTags(t, film(t, frames, av.Tracks{*track})[headerSize+prevSizeSize:])
	if want := append([]byte("\x90Opus"), track.Config...); !bytes.Equal(tags[1].body, want) || len(track.Config) != 19 {
		t.Errorf("sequence start %x", tags[1].body)
	}
	if len(tags) != len(frames)+2 {
		t.Fatalf("%d tags of %d frames", len(tags), len(frames))
	}
	for i, f := range frames {
		if want := append([]byte("\x91Opus"), f.Data...); !bytes.Equal(tags[i+2].body, want) {
			t.Fatalf("frame %d: %x", i, tags[i+2].body[:6])
		}
	}
}

func testEnhancedVideo(t *testing.T) {
	for _, c := range []struct {
		codec av.Codec
		key   bool
		cts   time.Duration
		want  string
	}{
		{av.CodecH265, true, 0, "\x93hvc1"},
		{av.CodecH265, false, 0, "\xa3hvc1"},
		{av.CodecH265, false, 80 * ms, "\xa1hvc1\x00\x00\x50"},
		{av.CodecH265, false, -1 * ms, "\xa1hvc1\xff\xff\xff"},
		{av.CodecAV1, true, 0, "\x91av01"},
		{av.CodecAV1, false, 0, "\xa1av01"},
		{av.CodecVP9, true, 0, "\x91vp09"},
	} {
		b, err := AppendFrame(nil, &av.Frame{Codec: c.codec, Key: c.key, DTS: ms, PTS: ms + c.cts, Data: []byte("data")})
		if err != nil {
			t.Fatal(err)
		}
		if r := rawTags(t, b)[0]; r.typ != typeVideo || string(r.body) != c.want+"data" {
			t.Errorf("%v, key %t, %v: %x", c.codec, c.key, c.cts, r.body)
		}
		b, err = AppendSequenceHeader(nil, &av.Track{Codec: c.codec, Config: []byte("config")}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if body := rawTags(t, b)[0].body; string(body) != "\x90"+c.want[1:5]+"config" {
			t.Errorf("%v: sequence start %x", c.codec, body)
		}
	}
}

func testSkipped(t *testing.T, names ...string) {
	config, _ := avcC(t)
	for _, name := range names {
		i := slices.IndexFunc(casesSkipped, func(c struct {
			name string
			typ  byte
			body string
		},
		) bool {
			return c.name == name
		})
		d := NewDemuxer(bytes.NewReader(file(
			bodyTag(t, typeVideo, 0, "1700000000"+config),
			bodyTag(t, casesSkipped[i].typ, 0, casesSkipped[i].body),
			bodyTag(t, typeVideo, 5, "1701000000"+"0000000165"))))
		if got := demux(t, d); len(got) != 2 || d.Skipped() != 1 {
			t.Errorf("%s: %d frames, %d skipped", name, len(got), d.Skipped())
		}
	}
}
