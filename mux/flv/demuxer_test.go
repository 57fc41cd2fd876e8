package flv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/mux/codec/h265"
	"weir/mux/codec/opus"
	"weir/testdata/samples"
)

// bodyTag is a tag of a body given in hex.
func bodyTag(t testing.TB, typ byte, ms int64, body string) []byte {
	t.Helper()
	b, err := hex.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	return appendTag(nil, typ, ms, nil, b)
}

// file is a header for both kinds and the tags.
func file(tags ...[]byte) []byte {
	return append(AppendHeader(nil, true, true), bytes.Join(tags, nil)...)
}

// avcC is a record of the sample's parameter sets, in hex.
func avcC(t testing.TB) (string, *av.Track) {
	_, track := videoFrames(t, "bars-360p.h264", 1, 0)
	return hex.EncodeToString(track.Config), track
}

func opusTrack() *av.Track {
	return &av.Track{ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 312)}
}

// TestRoundTrip: what the encoder makes of frames, the demuxer makes into the same frames.
func TestRoundTrip(t *testing.T) {
	hevc, _ := samples.H265(t)
	av1, av1Pictures := samples.AV1(t)
	vp9, vp9Pictures := samples.VP9(t)
	_, avc := avcC(t)
	at := func(f av.Frame, dts, pts time.Duration) *av.Frame {
		f.DTS, f.PTS = dts, pts
		return &f
	}
	for _, c := range []struct {
		name   string
		tracks av.Tracks
		frame  av.Frame
	}{
		{"H.264", av.Tracks{*avc}, av.Frame{Track: videoID, Codec: av.CodecH264, Key: true, Data: []byte{0, 0, 0, 2, 0x65, 1}}},
		{"H.265", av.Tracks{hevc}, av.Frame{Track: videoID, Codec: av.CodecH265, Data: []byte{0, 0, 0, 2, 0x02, 1}}},
		{"AV1", av.Tracks{av1}, av.Frame{Track: videoID, Codec: av.CodecAV1, Key: true, Data: av1Pictures[0].Data}},
		{"VP9", av.Tracks{vp9}, av.Frame{Track: videoID, Codec: av.CodecVP9, Key: true, Data: vp9Pictures[0].Data}},
		{"Opus", av.Tracks{*opusTrack()}, av.Frame{Track: audioID, Codec: av.CodecOpus, Key: true, Data: []byte{0xfc, 1, 2}}},
		{
			"AAC",
			av.Tracks{{ID: audioID, Codec: av.CodecAAC, ClockRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}},
			av.Frame{Track: audioID, Codec: av.CodecAAC, Key: true, Data: []byte{0x21, 0x10}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := []*av.Frame{at(c.frame, 40*ms, 40*ms), at(c.frame, 80*ms, 80*ms)}
			if c.frame.Codec == av.CodecH264 || c.frame.Codec == av.CodecH265 {
				in = append(in, at(c.frame, 120*ms, 200*ms), at(c.frame, 160*ms, 140*ms))
			}
			frames := demux(t, NewDemuxer(bytes.NewReader(film(t, in, c.tracks))))
			if len(frames) != len(in)+1 || frames[0].Kind != av.KindConfig {
				t.Fatalf("%d frames of %d and a config", len(frames), len(in))
			}
			if head := frames[0]; !head.Config.Same(&c.tracks[0]) || head.DTS != 40*ms || head.Track != c.frame.Track {
				t.Errorf("config %+v of %+v", head.Config, c.tracks[0])
			}
			for i, got := range frames[1:] {
				want := in[i]
				if got.Kind != av.KindMedia || got.Track != want.Track || got.Codec != want.Codec || got.Key != want.Key ||
					got.DTS != want.DTS || got.PTS != want.PTS || !bytes.Equal(got.Data, want.Data) {
					t.Errorf("frame %d\ngot  %+v\nwant %+v", i, got, want)
				}
			}
		})
	}
}

func TestDemuxerReadsByteByByte(t *testing.T) {
	frames, track := videoFrames(t, "bars-360p.h264", 3, 0)
	r := iotest.OneByteReader(bytes.NewReader(film(t, frames, av.Tracks{*track})))
	if got := demux(t, NewDemuxer(r)); len(got) != 4 {
		t.Errorf("%d frames, want a config and 3 pictures", len(got))
	}
}

func TestDemuxerTime(t *testing.T) {
	config, _ := avcC(t)
	const slice = "27010000000000000241e0"
	for _, c := range []struct {
		name string
		ms   []int64
		want []time.Duration
	}{
		{"starts anywhere", []int64{3600000, 3600033}, []time.Duration{time.Hour, time.Hour + 33*ms}},
		{"starts above 2^31", []int64{1<<32 - 10, 1<<32 - 5}, []time.Duration{(1<<32 - 10) * ms, (1<<32 - 5) * ms}},
		{"goes on over 2^32", []int64{1<<32 - 10, 1<<32 + 23}, []time.Duration{(1<<32 - 10) * ms, (1<<32 + 23) * ms}},
		{"goes back over 2^32", []int64{1<<32 + 3, 1<<32 - 3}, []time.Duration{3 * ms, -3 * ms}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tags := [][]byte{AppendMetadata(nil, nil, testEncoder), bodyTag(t, typeVideo, c.ms[0], "1700000000"+config)}
			for _, at := range c.ms {
				tags = append(tags, bodyTag(t, typeVideo, at, slice))
			}
			got := demux(t, NewDemuxer(bytes.NewReader(file(tags...))))[1:]
			for i, f := range got {
				if f.DTS != c.want[i] {
					t.Errorf("tag %d at %v, want %v", i, f.DTS, c.want[i])
				}
			}
		})
	}
}

// What a file may hold beside what an av.Frame does (FL-08) is taken out.
func TestDemuxerStrips(t *testing.T) {
	config, _ := avcC(t)
	const (
		aud, sei, sps, pps, filler = "0000000209f0", "00000003060501", "000000026742", "0000000268ce", "000000020cff"
		idr, empty                 = "0000000365b840", "00000000"
	)
	for _, c := range []struct{ name, data, want string }{
		{"nothing to take", sei + idr, sei + idr},
		{"delimiter and parameter sets", aud + sps + pps + sei + idr, sei + idr},
		{"filler behind and an empty unit", idr + empty + filler, idr},
		{"two slices", idr + aud + idr, idr + idr},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := file(bodyTag(t, typeVideo, 0, "1700000000"+config), bodyTag(t, typeVideo, 0, "1701000000"+c.data))
			got := demux(t, NewDemuxer(bytes.NewReader(b)))
			if len(got) != 2 || hex.EncodeToString(got[1].Data) != c.want {
				t.Errorf("got %x, want %s", got[1].Data, c.want)
			}
		})
	}
	t.Run("H.265", func(t *testing.T) {
		hevc, _ := samples.H265(t)
		sets, err := h265.ParseConfig(hevc.Config)
		if err != nil {
			t.Fatal(err)
		}
		data := lengthPrefixed(sets.VPS[0], sets.SPS[0], sets.PPS[0], []byte{0x46, 1, 0x10}, []byte{0x4c, 1, 0xff}, []byte{0x26, 1, 0xaf})
		b := file(bodyTag(t, typeVideo, 0, "9068766331"+hex.EncodeToString(hevc.Config)),
			bodyTag(t, typeVideo, 0, "9368766331"+hex.EncodeToString(data)))
		if got := demux(t, NewDemuxer(bytes.NewReader(b))); len(got) != 2 || hex.EncodeToString(got[1].Data) != "000000032601af" {
			t.Errorf("got %x", got[1].Data)
		}
	})
}

// FL-14 and FL-16: what is not understood is passed over, and what follows is read.
var casesSkipped = []struct {
	name string
	typ  byte
	body string
}{
	{"script", typeScript, "02000a6f6e4d65746144617461"},
	{"encrypted video", typeVideo | 0x20, "1701000000"},
	{"unknown tag type", 15, "00"},
	{"empty video", typeVideo, ""},
	{"empty audio", typeAudio, ""},
	{"video command frame", typeVideo, "5701000000"},
	{"Sorenson H.263", typeVideo, "1200000000"},
	{"codec id 12", typeVideo, "1c01000000"},
	{"AVC end of sequence", typeVideo, "1702000000"},
	{"MP3", typeAudio, "2fff"},
	{"AAC packet type 2", typeAudio, "af02"},
	{"metadata packet", typeVideo, "9468766331" + "00"},
	{"multitrack video", typeVideo, "9600617663310000"},
	{"ModEx video", typeVideo, "970200000000"},
	{"packet type 15", typeVideo, "9f68766331"},
	{"unknown video FourCC", typeVideo, "9176766331"},
	{"composition time cut short", typeVideo, "91687663310000"},
	{"multichannel config", typeAudio, "944f707573" + "00"},
	{"multitrack audio", typeAudio, "95004f70757300"},
	{"ModEx audio", typeAudio, "9702000000"},
	{"unknown audio FourCC", typeAudio, "9161632d33"},
	{"FourCC cut short", typeAudio, "914f70"},
	{"sound before its sequence header", typeAudio, "914f707573fc"},
	{"parameter sets only", typeVideo, "1701000000" + "000000026742"},
}

func TestDemuxerSkips(t *testing.T) {
	config, _ := avcC(t)
	for _, c := range casesSkipped {
		t.Run(c.name, func(t *testing.T) {
			d := NewDemuxer(bytes.NewReader(file(
				bodyTag(t, typeVideo, 0, "1700000000"+config),
				bodyTag(t, c.typ, 0, c.body),
				bodyTag(t, typeVideo, 5, "1701000000"+"0000000165"))))
			got := demux(t, d)
			if len(got) != 2 || got[1].DTS != 5*ms || d.Skipped() != 1 {
				t.Errorf("%d frames, %d skipped", len(got), d.Skipped())
			}
		})
	}
}

func TestDemuxerRefuses(t *testing.T) {
	config, _ := avcC(t)
	header := bodyTag(t, typeVideo, 0, "1700000000"+config)
	change := func(i int, b byte) []byte {
		bad := file(header)
		bad[i] = b
		return bad
	}
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, io.EOF},
		{"half a header", file()[:5], io.ErrUnexpectedEOF},
		{"no PreviousTagSize0", file()[:10], io.ErrUnexpectedEOF},
		{"only a header", file(), io.EOF},
		{"another signature", change(0, 'f'), ErrFormat},
		{"version 2", change(3, 2), ErrFormat},
		{"offset 8", change(8, 8), ErrFormat},
		{"offset 2^24", change(5, 1), ErrFormat},
		{"tag head cut short", file(header)[:20], io.ErrUnexpectedEOF},
		{"tag cut short", file(header)[:30], io.ErrUnexpectedEOF},
		{"no PreviousTagSize", file(header[:len(header)-4]), io.ErrUnexpectedEOF},
		{"tag of 16 MiB", file([]byte{9, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0}), ErrTooLarge},
		{"avcC cut short", file(bodyTag(t, typeVideo, 0, "17000000000142c0")), ErrFormat},
		{"avcC without a real SPS", file(bodyTag(t, typeVideo, 0, "17000000000142c01effe1000167"+"00")), ErrFormat},
		{"hvcC empty", file(bodyTag(t, typeVideo, 0, "9068766331")), ErrFormat},
		{"AudioSpecificConfig empty", file(bodyTag(t, typeAudio, 0, "af00")), ErrFormat},
		{"OpusHead cut short", file(bodyTag(t, typeAudio, 0, "904f7075734f7075734865")), ErrFormat},
		{"NAL unit too long", file(header, bodyTag(t, typeVideo, 0, "1701000000"+"0000000965")), ErrFormat},
		{"NAL length cut short", file(header, bodyTag(t, typeVideo, 0, "1701000000"+"00000001650000")), ErrFormat},
		{"Annex B", file(header, bodyTag(t, typeVideo, 0, "1701000000"+"0000000165b84000000001")), ErrFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDemuxer(bytes.NewReader(c.b))
			var err error
			for err == nil {
				_, err = d.Next()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestDemuxerGoesOnBehindABadTag(t *testing.T) {
	config, _ := avcC(t)
	d := NewDemuxer(bytes.NewReader(file(
		bodyTag(t, typeVideo, 0, "1700000000"+config),
		bodyTag(t, typeVideo, 0, "1701000000"+"0000000965"),
		bodyTag(t, typeVideo, 0, "1701000000"+"0000000165"))))
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Next(); !errors.Is(err, ErrFormat) {
		t.Fatalf("the bad tag: %v", err)
	}
	if f, err := d.Next(); err != nil || len(f.Data) != 5 {
		t.Errorf("the tag behind: %+v, %v", f, err)
	}
}

func FuzzDemuxer(f *testing.F) {
	config, track := avcC(f)
	for _, c := range casesSkipped {
		f.Add(file(bodyTag(f, typeVideo, 0, "1700000000"+config), bodyTag(f, c.typ, 0, c.body)))
	}
	sound, opusHead := opusFrames(f, 50*ms, 0)
	f.Add(film(f, sound, av.Tracks{*opusHead}))
	pictures, _ := videoFrames(f, "bars-360p.h264", 2, 0)
	f.Add(film(f, pictures, av.Tracks{*track}))
	for _, sample := range casesInBand {
		other, frames := sample(f)
		f.Add(film(f, frames[:2], av.Tracks{other}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDemuxer(bytes.NewReader(b))
		var frames []*av.Frame
		for range 1000 {
			fr, err := d.Next()
			if errors.Is(err, ErrFormat) && d.tags.begun {
				continue
			}
			if err != nil {
				break
			}
			frames = append(frames, fr)
		}
		e := NewEncoder(nil)
		var tags []Tag
		for _, fr := range frames {
			var err error
			if tags, err = e.Encode(tags, fr); err != nil && !errors.Is(err, ErrComposition) {
				t.Fatalf("a frame of the demuxer is refused: %v", err)
			}
		}
		rising(t, tags)
	})
}

// rising checks that the times of access units rise strictly within each track, and that no sequence header
// is older than what was sent before it. It looks across the 32-bit wrap.
func rising(t testing.TB, tags []Tag) {
	t.Helper()
	last := map[av.TrackID]uint32{}
	for i, tag := range tags {
		at := rawTags(t, tag.Data)[0].ms
		before, seen := last[tag.Track]
		step := int32(at - before)
		if tag.Kind == av.KindConfig {
			if seen && step < 0 {
				t.Fatalf("sequence header %d of track %d: %d ms behind %d ms", i, tag.Track, at, before)
			}
			continue
		}
		if seen && step <= 0 {
			t.Fatalf("tag %d of track %d: %d ms behind %d ms", i, tag.Track, at, before)
		}
		last[tag.Track] = at
	}
}

// FuzzRoundTrip: any access unit at any time comes back as it was.
func FuzzRoundTrip(f *testing.F) {
	for _, c := range casesFrame {
		f.Add(byte(c.codec), c.key, int64(c.dts/ms), int64(c.cts), []byte{0x41, 0x9a})
	}
	f.Add(byte(av.CodecH265), true, int64(40), int64(80), []byte{1, 0xd0})
	f.Add(byte(av.CodecAV1), true, int64(40), int64(0), []byte{0x10, 1})
	_, avc := avcC(f)
	hevc, _ := samples.H265(f)
	av1Track, _ := samples.AV1(f)
	f.Fuzz(func(t *testing.T, codec byte, key bool, dts, cts int64, data []byte) {
		track := &av.Track{ID: videoID, Codec: av.Codec(codec), ClockRate: 90000, Config: []byte{1}}
		switch track.Codec {
		case av.CodecH264:
			track = avc
			data = lengthPrefixed(append([]byte{0x41}, data...))
		case av.CodecH265:
			track, key = &hevc, false
			data = lengthPrefixed(append([]byte{0x02}, data...))
		case av.CodecAV1:
			o := av1.OBU{Header: []byte{av1.OBUFrame << 3}, Payload: data}
			track, key = &av1Track, av1.ShownKeyFrame(data)
			data = append(o.AppendHeader(nil), data...)
		case av.CodecVP9:
			return // without a whole key frame there is no track: see TestInBand
		case av.CodecOpus:
			track, key = opusTrack(), true
		case av.CodecAAC:
			track = &av.Track{ID: audioID, Codec: av.CodecAAC, ClockRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
			key = true
		}
		if track.Codec != av.CodecH264 && track.Codec != av.CodecH265 {
			cts = 0 // has no place there
		}
		dts, cts = int64(uint32(dts)), cts%(1<<23)
		in := &av.Frame{Track: track.ID, Codec: track.Codec, Key: key, DTS: time.Duration(dts) * ms, PTS: time.Duration(dts+cts) * ms, Data: data}
		b, err := AppendFrame(nil, in)
		if err != nil {
			if track.Codec.IsVideo() || track.Codec.IsAudio() {
				t.Fatal(err)
			}
			return
		}
		head, err := AppendSequenceHeader(nil, track, in.DTS)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			return // a tag without data is no frame
		}
		got := demux(t, NewDemuxer(bytes.NewReader(file(head, b))))
		if len(got) != 2 {
			t.Fatalf("%d frames", len(got))
		}
		if !got[0].Config.Same(track) {
			t.Fatalf("track %+v, want %+v", got[0].Config, track)
		}
		if out := got[1]; out.Key != key || out.DTS != in.DTS || out.PTS != in.PTS || !bytes.Equal(out.Data, data) {
			t.Fatalf("got %+v, want %+v", out, in)
		}
	})
}
