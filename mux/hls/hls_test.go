package hls

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/testdata/samples"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s\nwant:\n%s", name, got, want)
	}
}

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func seg(uri, init string, d time.Duration, at time.Time, discontinuity bool) Segment {
	return Segment{URI: uri, Map: init, Duration: d, ProgramDateTime: at, Discontinuity: discontinuity}
}

var casesMedia = []struct {
	name  string
	media Media
}{
	{"live.m3u8", Media{TargetDuration: 2, MediaSequence: 1772366400, Independent: true, Segments: []Segment{
		seg("x_1.m4s", "x_init0.mp4", 2*time.Second, t0, false),
		seg("x_2.m4s", "x_init0.mp4", 2033333333*time.Nanosecond, t0.Add(2*time.Second), false),
		seg("x_3.m4s", "x_init0.mp4", 1966666667*time.Nanosecond, t0.Add(4033333333*time.Nanosecond), false),
	}}},
	{"discontinuity.m3u8", Media{TargetDuration: 2, MediaSequence: 9, DiscontinuitySequence: 4, Segments: []Segment{
		seg("x_9.m4s", "x_init0.mp4", 2*time.Second, t0, false),
		seg("x_10.m4s", "x_init1.mp4", 200*time.Millisecond, t0.Add(2*time.Second), true),
		seg("x_11.m4s", "x_init1.mp4", 2499*time.Millisecond, t0.Add(9*time.Second), true),
	}}},
	{"ended.m3u8", Media{TargetDuration: 6, Ended: true, Segments: []Segment{
		seg("0.m4s", "init.mp4", 6*time.Second, time.Time{}, false),
	}}},
	{"ranges.m3u8", Media{Type: TypeVOD, TargetDuration: 4, Independent: true, Ended: true, Segments: []Segment{
		part("1.mp4", Range{1500, 40000}, false), part("1.mp4", Range{41500, 50000}, false), part("2.mp4", Range{1700, 30000}, true),
	}}},
}

// part is a segment that is a part of a file.
func part(file string, of Range, discontinuity bool) Segment {
	s := seg(file, file, 4*time.Second, time.Time{}, discontinuity)
	s.Range, s.MapRange = of, Range{Length: 1400}
	return s
}

func TestMediaGolden(t *testing.T) {
	for _, c := range casesMedia {
		t.Run(c.name, func(t *testing.T) { golden(t, c.name, c.media.Append(nil)) })
	}
}

// Another parser must read back what was written.
func TestMediaReadBack(t *testing.T) {
	for _, c := range casesMedia {
		t.Run(c.name, func(t *testing.T) {
			pl, kind, err := m3u8.Decode(*bytes.NewBuffer(c.media.Append(nil)), true)
			if err != nil || kind != m3u8.MEDIA {
				t.Fatalf("kind %v, error %v", kind, err)
			}
			got, want := pl.(*m3u8.MediaPlaylist), c.media
			// m3u8 raises the target duration to the next integer of the longest EXTINF; TestMediaText compares it.
			if got.SeqNo != want.MediaSequence ||
				got.DiscontinuitySeq != want.DiscontinuitySequence || got.Closed != want.Ended ||
				int(got.Count()) != len(want.Segments) {
				t.Fatalf("read back: sequence %d, discontinuities %d, ended %v, %d segments",
					got.SeqNo, got.DiscontinuitySeq, got.Closed, got.Count())
			}
			for i, w := range want.Segments {
				compareSegment(t, got.Segments[i], w)
			}
		})
	}
}

func compareSegment(t *testing.T, g *m3u8.MediaSegment, w Segment) {
	t.Helper()
	if g.URI != w.URI || g.Discontinuity != w.Discontinuity || !g.ProgramDateTime.Equal(w.ProgramDateTime.Truncate(time.Millisecond)) {
		t.Errorf("segment %+v, want %+v", g, w)
	}
	if g.Limit != w.Range.Length || g.Offset != w.Range.Offset {
		t.Errorf("range %d@%d, want %v", g.Limit, g.Offset, w.Range)
	}
	if d := g.Duration - w.Duration.Seconds(); d > 1e-5 || d < -1e-5 {
		t.Errorf("duration %v, want %v", g.Duration, w.Duration)
	}
}

func TestMediaText(t *testing.T) {
	text := func(i int) string { return string(casesMedia[i].media.Append(nil)) }
	cases := []struct {
		name string
		ok   bool
	}{
		{"HL-01 version 6 or more with EXT-X-MAP", strings.Contains(text(0), "#EXT-X-VERSION:6\n") && strings.Contains(text(0), "#EXT-X-MAP:")},
		{"HL-02 target duration in whole seconds", strings.Contains(text(0), "#EXT-X-TARGETDURATION:2\n")},
		{"HL-05 discontinuity before its segment and map", strings.Contains(text(1), "x_9.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"x_init1.mp4\"\n")},
		{"HL-05 discontinuity sequence before the first segment", strings.Index(text(1), "#EXT-X-DISCONTINUITY-SEQUENCE:4\n") < strings.Index(text(1), "#EXTINF")},
		{"HL-06 milliseconds also on the whole second", strings.Contains(text(0), "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.000Z\n")},
		{"HL-07 independent segments claimed", strings.Contains(text(0), "#EXT-X-INDEPENDENT-SEGMENTS\n")},
		{"HL-07 independent segments not claimed", !strings.Contains(text(1), "INDEPENDENT")},
		{"HL-09 ENDLIST at the end", strings.HasSuffix(text(2), "#EXT-X-ENDLIST\n") && !strings.Contains(text(0), "ENDLIST")},
		{"HL-11 no BOM, LF alone", strings.HasPrefix(text(0), "#EXTM3U\n") && !strings.Contains(text(0), "\r")},
		{"HL-33 map once for segments that share it", strings.Count(text(0), "#EXT-X-MAP") == 1 && strings.Count(text(1), "#EXT-X-MAP") == 2},
		{"RFC 8216bis 4.4.4.2 a range of each segment", strings.Contains(text(3), "#EXTINF:4.00000,\n#EXT-X-BYTERANGE:50000@41500\n1.mp4\n")},
		{"RFC 8216bis 4.4.4.5 a range of the map", strings.Count(text(3), "#EXT-X-MAP") == 2 && strings.Contains(text(3), "#EXT-X-MAP:URI=\"2.mp4\",BYTERANGE=\"1400@0\"\n")},
		{"RFC 8216bis 4.4.3.5 the type", strings.Contains(text(3), "#EXT-X-PLAYLIST-TYPE:VOD\n") && !strings.Contains(text(0), "TYPE")},
		{"EXTINF with decimals", strings.Contains(text(0), "#EXTINF:2.03333,\n")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !c.ok {
				t.Fail()
			}
		})
	}
}

func TestMultivariant(t *testing.T) {
	b := Multivariant(true,
		Variant{URI: "cam/main.m3u8", Codecs: "avc1.42c01f,opus", Width: 1280, Height: 720, Bandwidth: 2500000, AverageBandwidth: 2000000},
		Variant{URI: "cam/audio.m3u8?token=a&b=c", Codecs: "mp4a.40.2", Bandwidth: 128000})
	golden(t, "multivariant.m3u8", b)
	pl, kind, err := m3u8.Decode(*bytes.NewBuffer(b), true)
	if err != nil || kind != m3u8.MASTER {
		t.Fatalf("kind %v, error %v", kind, err)
	}
	v := pl.(*m3u8.MasterPlaylist).Variants
	if len(v) != 2 || v[0].Codecs != "avc1.42c01f,opus" || v[0].Resolution != "1280x720" ||
		v[0].Bandwidth != 2500000 || v[0].AverageBandwidth != 2000000 || v[1].URI != "cam/audio.m3u8?token=a&b=c" {
		t.Errorf("HL-08: read back as %+v", v)
	}
	if bytes.Contains(Multivariant(false), []byte("INDEPENDENT")) {
		t.Error("HL-07: claimed independent segments unasked")
	}
}

func TestCodecs(t *testing.T) {
	hevc, _ := samples.H265(t)
	av1, _ := samples.AV1(t)
	vp9, _ := samples.VP9(t)
	h264 := av.Track{ID: 1, Codec: av.CodecH264, Config: []byte{1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0}}
	cases := []struct {
		name   string
		tracks av.Tracks
		want   string
	}{
		{"H.264 and Opus", av.Tracks{h264, {ID: 2, Codec: av.CodecOpus}}, "avc1.42c01f,opus"},
		{"H.265", av.Tracks{hevc}, "hvc1.1.6.L63.90"},
		{"AV1 and Opus", av.Tracks{av1, {ID: 2, Codec: av.CodecOpus}}, "av01.0.01M.08,opus"},
		{"VP9", av.Tracks{vp9}, "vp09.00.21.08"},
		{"AAC-LC", av.Tracks{{Codec: av.CodecAAC, Config: aac.AppendConfig(nil, 48000, 2)}}, "mp4a.40.2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, err := Codecs(c.tracks); err != nil || got != c.want {
				t.Errorf("HL-08: %q, %v; want %q", got, err, c.want)
			}
		})
	}
	if _, err := Codecs(av.Tracks{{Codec: av.CodecNone}}); !errors.Is(err, ErrCodec) {
		t.Errorf("error %v, want ErrCodec", err)
	}
	if _, err := Codecs(av.Tracks{{Codec: av.CodecH264}}); err == nil {
		t.Error("no error for H.264 without a record")
	}
}

func TestMediaAllocs(t *testing.T) {
	m := &casesMedia[0].media
	room := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { m.Append(room) }); n != 0 {
		t.Errorf("%v allocations with room in dst, want 0", n)
	}
}

func BenchmarkMedia(b *testing.B) {
	m := &casesMedia[0].media
	room := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		m.Append(room)
	}
}
