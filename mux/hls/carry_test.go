package hls

import (
	"testing"
	"time"
)

func TestAppendCarrying(t *testing.T) {
	m := Media{TargetDuration: 2, Segments: []Segment{
		{URI: "1.m4s", Map: "init-1.mp4", Duration: 2 * time.Second},
		{URI: "2.m4s", Map: "init-1.mp4", Duration: 2 * time.Second},
		{URI: "3.m4s", Map: "init-2.mp4", Duration: 2 * time.Second, Discontinuity: true},
	}}
	const want = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n" +
		"#EXT-X-MAP:URI=\"init-1.mp4?sign=x\"\n#EXTINF:2.00000,\n1.m4s?sign=x\n#EXTINF:2.00000,\n2.m4s?sign=x\n" +
		"#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-2.mp4?sign=x\"\n#EXTINF:2.00000,\n3.m4s?sign=x\n"
	plain := m.Append(nil)
	if got := string(AppendCarrying([]byte("#"), plain, "sign=x")); got != "#"+want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(AppendCarrying(nil, plain, "")); got != string(plain) {
		t.Errorf("got\n%s\nwant\n%s", got, plain)
	}
	for text, want := range map[string]string{
		"": "", "\n": "\n", "a": "a?q", "#X:URI=\"a\n": "#X:URI=\"a\n",
		"#EXT-X-PART:DURATION=0.2,URI=\"p.m4s\",INDEPENDENT=YES\n": "#EXT-X-PART:DURATION=0.2,URI=\"p.m4s?q\",INDEPENDENT=YES\n",
	} {
		if got := string(AppendCarrying(nil, []byte(text), "q")); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAppendCarryingAllocates(t *testing.T) {
	m := Media{TargetDuration: 2, Segments: make([]Segment, 6)}
	plain := m.Append(nil)
	dst := make([]byte, 0, 4*len(plain))
	if n := testing.AllocsPerRun(100, func() { AppendCarrying(dst, plain, "sign=x") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
