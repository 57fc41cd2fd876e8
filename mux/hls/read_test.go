package hls

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

const head = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n"

// sealed is a key with a vector.
var sealed = KeyRef{Method: MethodAES128, URI: "k", IV: [16]byte{14: 0x0a, 15: 0xff}, HasIV: true}

var casesRead = []struct {
	name, text string
	want       *Playlist // nil: ErrFormat
}{
	{"RFC 8216 8.2: a live playlist", head + "#EXT-X-MEDIA-SEQUENCE:2680\n\n#EXTINF:5.5,\na.ts\n#EXTINF:6,title\nb.ts\n", &Playlist{
		Target: 6 * time.Second, Sequence: 2680,
		Segments: []SegmentRef{{URI: "a.ts", Duration: 5500 * time.Millisecond}, {URI: "b.ts", Duration: 6 * time.Second}},
	}},
	{"4.3.2.2: ranges that continue", head + "#EXT-X-BYTERANGE:10@5\n#EXTINF:1,\na\n#EXT-X-BYTERANGE:20\n#EXTINF:1,\na\n#EXT-X-ENDLIST\n", &Playlist{
		Target: 6 * time.Second, Ended: true,
		Segments: []SegmentRef{
			{URI: "a", Duration: time.Second, Range: Range{5, 10}}, {URI: "a", Duration: time.Second, Range: Range{15, 20}},
		},
	}},
	{"4.3.2.3: discontinuities", head + "#EXT-X-DISCONTINUITY-SEQUENCE:7\n#EXTINF:1,\na\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nb\n", &Playlist{
		Target:   6 * time.Second,
		Segments: []SegmentRef{{URI: "a", Duration: time.Second, Discontinuity: 7}, {URI: "b", Duration: time.Second, Discontinuity: 8, Breaks: true}},
	}},
	{"4.3.2.4, 4.3.2.5: keys and sections hold for what follows", head +
		"#EXT-X-MAP:URI=\"i,1\",BYTERANGE=\"9@1\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:1,\na\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-GAP\n#EXTINF:1,\nb\n", &Playlist{
		Target: 6 * time.Second,
		Segments: []SegmentRef{
			{URI: "a", Duration: time.Second, Map: MapRef{URI: "i,1", Range: Range{1, 9}}, Key: KeyRef{Method: MethodAES128, URI: "k"}},
			{URI: "b", Duration: time.Second, Map: MapRef{URI: "i,1", Range: Range{1, 9}}, Gap: true},
		},
	}},
	{"RFC 8216 8.4: variants", "#EXTM3U\r\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"s\",DEFAULT=YES,URI=\"en.m3u8\"\r\n#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS=\"a,b\",AUDIO=\"s\"\r\nlow.m3u8\r\n", &Playlist{
		Variants:   []VariantRef{{"low.m3u8", 1280000, "s", "a,b"}},
		Renditions: []Rendition{{"AUDIO", "s", "en.m3u8", true}},
	}},
	{"6.3.1: what is unknown, parts and comments are passed over", head + "# no tag\n#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXT-X-NEW\n", &Playlist{Target: 6 * time.Second}},
	{"4.3.2.4: a vector, and a section that is encrypted as well", head +
		"#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0X0aFF\n#EXT-X-MAP:URI=\"i\"\n#EXTINF:1,\na\n", &Playlist{
		Target: 6 * time.Second,
		Segments: []SegmentRef{{
			URI: "a", Duration: time.Second, Map: MapRef{URI: "i", Key: sealed}, Key: sealed,
		}},
	}},
	{"4.3.2.4: of several formats the one that is known", head +
		"#EXT-X-KEY:METHOD=AES-128,URI=\"x\",KEYFORMAT=\"f\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\",KEYFORMAT=\"identity\"\n" +
		"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"y\",KEYFORMAT=\"g\"\n#EXTINF:1,\na\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"y\"\n#EXTINF:1,\nb\n", &Playlist{
		Target: 6 * time.Second,
		Segments: []SegmentRef{
			{URI: "a", Duration: time.Second, Key: KeyRef{Method: MethodAES128, URI: "k"}},
			{URI: "b", Duration: time.Second, Key: KeyRef{Method: "SAMPLE-AES "}},
		},
	}},
	{"a key without an address", head + "#EXT-X-KEY:METHOD=AES-128\n#EXTINF:1,\na\n", nil},
	{"a vector that is none", head + "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0xg\n#EXTINF:1,\na\n", nil},
	{"a vector of 17 bytes", head + "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x0102030405060708090a0b0c0d0e0f1011\n#EXTINF:1,\na\n", nil},
	{"a vector without its prefix", head + "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0102\n#EXTINF:1,\na\n", nil},
	{"no playlist", "<html>", nil},
	{"nothing", "", nil},
	{"no target duration", "#EXTM3U\n#EXTINF:1,\na\n", nil},
	{"a segment without a duration", head + "a.ts\n", nil},
	{"a duration that is none", head + "#EXTINF:NaN,\na\n", nil},
	{"a number that is none", head + "#EXT-X-MEDIA-SEQUENCE:-1\n", nil},
	{"a number beyond all bounds", head + "#EXT-X-MEDIA-SEQUENCE:9223372036854775807\n", nil},
	{"a range that continues none", head + "#EXT-X-BYTERANGE:10\n#EXTINF:1,\na\n", nil},
	{"a range of no bytes", head + "#EXT-X-BYTERANGE:0@1\n#EXTINF:1,\na\n", nil},
	{"a section without an address", head + "#EXT-X-MAP:BYTERANGE=\"1@1\"\n", nil},
	{"a target of a year", "#EXTM3U\n#EXT-X-TARGETDURATION:31536000\n", nil},
}

func TestRead(t *testing.T) {
	for _, c := range casesRead {
		got, err := Read(c.text)
		if c.want == nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%s: %+v, %v", c.name, got, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", c.name, err, got, c.want)
		}
	}
}

// TestReadOwn: what this package writes is read as it was meant.
func TestReadOwn(t *testing.T) {
	m := Media{TargetDuration: 2, MediaSequence: 5, Ended: true, Segments: []Segment{
		{URI: "a.m4s", Map: "i.mp4", Range: Range{10, 20}, MapRange: Range{0, 10}, Duration: 2 * time.Second},
		{URI: "b.m4s", Map: "i.mp4", Range: Range{30, 5}, MapRange: Range{0, 10}, Duration: time.Second, Discontinuity: true},
	}}
	got, err := Read(string(m.Append(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Sequence != 5 || !got.Ended || len(got.Segments) != 2 || got.Target != 2*time.Second {
		t.Fatalf("got %+v", got)
	}
	for i, s := range got.Segments {
		want := m.Segments[i]
		if s.URI != want.URI || s.Range != want.Range || s.Map != (MapRef{URI: want.Map, Range: want.MapRange}) || s.Duration != want.Duration || s.Discontinuity != int64(i) {
			t.Errorf("segment %d is %+v", i, s)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range casesRead {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Read(text)
		if err != nil {
			return
		}
		if n := strings.Count(text, "\n"); len(p.Segments)+len(p.Variants)+len(p.Renditions) > n+1 {
			t.Errorf("more than the %d lines say: %+v", n, p)
		}
		for _, s := range p.Segments {
			if s.Range.Offset < 0 || s.Range.Length < 0 || s.Duration < 0 || s.Range.Offset+s.Range.Length < 0 {
				t.Errorf("a segment of %+v", s)
			}
		}
	})
}
