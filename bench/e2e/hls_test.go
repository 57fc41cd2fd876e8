package e2e

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/grafov/m3u8"

	"weir/testdata"
)

// player follows a stream's media playlist as a player does, checks it at each reload and keeps all segments.
type player struct {
	multi    answer
	took     time.Duration // of the multivariant playlist
	media    string        // URL of the media playlist
	target   float64
	sequence uint64 // of the first segment in the last playlist
	removed  int
	ended    bool
	inits    map[string][]byte
	segments []segment
	byNumber map[uint64]segment
}

type segment struct {
	number   uint64
	uri      string
	init     string
	duration float64
	at       time.Time
	broken   bool // a discontinuity stands before it
	data     []byte
}

// play asks for the multivariant playlist.
func play(t *testing.T, multivariant string) *player {
	t.Helper()
	begin := time.Now()
	p := &player{multi: get(t, multivariant), inits: map[string][]byte{}, byNumber: map[uint64]segment{}}
	p.took = time.Since(begin)
	if p.multi.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", multivariant, p.multi.Status, p.multi.body)
	}
	list, kind, err := m3u8.DecodeFrom(bytes.NewReader(p.multi.body), true)
	if err != nil || kind != m3u8.MASTER {
		t.Fatalf("%s: kind %v, %v\n%s", multivariant, kind, err, p.multi.body)
	}
	variants := list.(*m3u8.MasterPlaylist).Variants
	if len(variants) != 1 || variants[0].Bandwidth == 0 || variants[0].Codecs == "" {
		t.Fatalf("variants of\n%s", p.multi.body)
	}
	p.media = resolve(t, multivariant, variants[0].URI)
	return p
}

func resolve(t *testing.T, base, ref string) string {
	t.Helper()
	b, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u, err := b.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// reload fetches the playlist and the segments that are new in it.
func (p *player) reload(t *testing.T) {
	t.Helper()
	a := get(t, p.media)
	checkPlaylist(t, a)
	list, kind, err := m3u8.DecodeFrom(bytes.NewReader(a.body), true)
	if err != nil || kind != m3u8.MEDIA {
		t.Fatalf("%s: kind %v, %v\n%s", p.media, kind, err, a.body)
	}
	m := list.(*m3u8.MediaPlaylist)
	p.ended = m.Closed
	p.window(t, m.SeqNo, targetOf(t, a.body))
	init := ""
	for i, s := range m.Segments {
		if s == nil {
			break
		}
		if s.Map != nil {
			init = s.Map.URI
		}
		p.take(t, segment{
			number: m.SeqNo + uint64(i), uri: s.URI, init: init, duration: s.Duration, at: s.ProgramDateTime, broken: s.Discontinuity,
		})
	}
}

// window checks what may change of a playlist between two reloads.
func (p *player) window(t *testing.T, sequence uint64, target float64) {
	t.Helper()
	if p.target == 0 {
		p.target, p.sequence = target, sequence
	}
	if target != p.target {
		t.Errorf("HL-02: TARGETDURATION was %v and is %v", p.target, target)
	}
	// HL-03: by one for each segment that was removed; which segments those are, take checks by their numbers.
	if sequence < p.sequence {
		t.Fatalf("HL-03: MEDIA-SEQUENCE was %d and is %d", p.sequence, sequence)
	}
	p.removed += int(sequence - p.sequence)
	p.sequence = sequence
}

// targetOf reads EXT-X-TARGETDURATION, which the library raises by itself when an EXTINF is above it.
func targetOf(t *testing.T, playlist []byte) float64 {
	t.Helper()
	for line := range strings.Lines(string(playlist)) {
		if value, ok := strings.CutPrefix(line, "#EXT-X-TARGETDURATION:"); ok {
			target, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16)
			if err != nil {
				t.Fatal(err)
			}
			return float64(target)
		}
	}
	t.Fatalf("no EXT-X-TARGETDURATION in\n%s", playlist)
	return 0
}

// take checks a segment and, when it is new, fetches it.
func (p *player) take(t *testing.T, s segment) {
	t.Helper()
	if known, ok := p.byNumber[s.number]; ok {
		s.data = known.data
		if known.uri != s.uri || known.init != s.init || known.duration != s.duration || !known.at.Equal(s.at) {
			t.Errorf("HL-03: segment %d was %s and is %s", s.number, known.uri, s.uri)
		}
		return
	}
	if math.Round(s.duration) > p.target {
		t.Errorf("HL-02: EXTINF %v in a playlist of TARGETDURATION %v", s.duration, p.target)
	}
	for _, o := range p.segments {
		if o.uri == s.uri {
			t.Errorf("HL-34: segments %d and %d are both called %s", o.number, s.number, s.uri)
		}
	}
	if n := len(p.segments); n > 0 {
		p.follows(t, p.segments[n-1], s)
	}
	if _, ok := p.inits[s.init]; !ok {
		p.inits[s.init] = p.fetch(t, s.init)
	}
	s.data = p.fetch(t, s.uri)
	p.segments = append(p.segments, s)
	p.byNumber[s.number] = s
}

// follows checks a segment against the one before it.
func (p *player) follows(t *testing.T, before, s segment) {
	t.Helper()
	if s.number != before.number+1 {
		t.Errorf("segment %d behind segment %d", s.number, before.number)
	}
	want := before.at.Add(time.Duration(before.duration * float64(time.Second)))
	if off := s.at.Sub(want); !s.broken && off.Abs() > 2*time.Millisecond {
		t.Errorf("HL-06: PROGRAM-DATE-TIME of segment %d is %v off", s.number, off)
	}
}

func (p *player) fetch(t *testing.T, name string) []byte {
	t.Helper()
	a := get(t, resolve(t, p.media, name))
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "video/mp4" {
		t.Fatalf("%s: %s %s", name, a.Status, a.Header.Get("Content-Type"))
	}
	if c := a.Header.Get("Cache-Control"); !strings.Contains(c, "immutable") {
		t.Errorf("HL-28: %s has Cache-Control %q", name, c)
	}
	if a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("HL-31: no CORS on %s", name)
	}
	return a.body
}

func checkPlaylist(t *testing.T, a answer) {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("playlist: %s %s", a.Status, a.body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/vnd.apple.mpegurl" {
		t.Errorf("HL-10: Content-Type %q", got)
	}
	if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "max-age=1") && !strings.Contains(got, "no-cache") {
		t.Errorf("HL-28: Cache-Control %q", got)
	}
	if a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("HL-31: no CORS on a playlist")
	}
	if bytes.HasPrefix(a.body, []byte("\xef\xbb\xbf")) || bytes.Contains(a.body, []byte("\r")) {
		t.Error("HL-11: a BOM or CR in the playlist")
	}
}

// until reloads until there were so many segments.
func (p *player) until(t *testing.T, segments int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d segments of %s", segments, p.media), func() bool {
		p.reload(t)
		return len(p.segments) >= segments
	})
}

// untilEnd reloads until the playlist says that it is complete.
func (p *player) untilEnd(t *testing.T) {
	t.Helper()
	eventually(t, "EXT-X-ENDLIST in "+p.media, func() bool {
		p.reload(t)
		return p.ended
	})
}

// testHLS: "ffprobe/ffmpeg -v error -f null - on HLS print nothing; DTS strictly rise; the slice NAL units that arrive
// are the source's, byte for byte", and "segment 2 s, TARGETDURATION never changes, PROGRAM-DATE-TIME, correct cache
// headers and CORS".
func testHLS(t *testing.T, s *server) {
	src := s.publish(t, "hls/cam", media{video: true, audio: true})
	p := play(t, s.http+"/live/hls/cam.m3u8")
	checkPlaylist(t, p.multi)
	p.until(t, 4)
	decoded := make(chan struct{})
	t.Cleanup(func() { <-decoded })
	go func() {
		defer close(decoded)
		checkDecodes(t, s.http+"/live/hls/cam.m3u8", "-t", "8")
	}()
	within(t, 3*patience, "segments to be removed, and the player's end", func() bool {
		p.reload(t)
		select {
		case <-decoded:
			return p.removed >= 2
		default:
			return false
		}
	})
	if len(p.segments) < 5 {
		t.Errorf("only %d segments", len(p.segments))
	}
	checkRanges(t, p)
	checkMissing(t, p)
	src.delete(t)
	p.untilEnd(t)
	checkDecodes(t, p.media)
	checkProbe(t, p.media, "h264", "opus")
	checkSegments(t, p, src)
	checkHLSSync(t, p, src)
}

// TestHLSWithAAC is the HLS of a server for players without Opus.
func TestHLSWithAAC(t *testing.T) {
	t.Parallel()
	s := start(t, "WEIR_HLS_AUDIO=aac")
	src := s.publish(t, "aac/cam", media{video: true, audio: true})
	p := play(t, s.http+"/live/aac/cam.m3u8")
	if !bytes.Contains(p.multi.body, []byte(`,mp4a.40.2"`)) {
		t.Errorf("AAC is not announced in\n%s", p.multi.body)
	}
	p.until(t, 4)
	src.delete(t)
	p.untilEnd(t)
	checkDecodes(t, p.media)
	checkProbe(t, p.media, "aac", "h264")
	checkHLSSync(t, p, src)
}

// checkHLSSync: "right pitch, A/V offset within 20 ms of the source, no click at joins", for what the last playlist
// plays.
func checkHLSSync(t *testing.T, p *player, src *source) {
	t.Helper()
	first := p.byNumber[p.sequence]
	units := videoOf(t, p.inits[first.init], first.data)
	begin := startTimes(t, p.media)
	i := src.find(slicesOf(t, units...), begin["video"])
	if i < 0 {
		t.Fatal("the pictures are not the source's")
	}
	pcm, original := decode(t, p.media), decode(t, testdata.Path("tone.ogg"))
	checkSync(t, pcm, begin["audio"], original, begin["video"]-src.at(i).pts)
	checkTone(t, pcm, original)
}

// checkRanges: HL-31, HEAD and Range work on segments.
func checkRanges(t *testing.T, p *player) {
	t.Helper()
	s := p.segments[len(p.segments)-1]
	where := resolve(t, p.media, s.uri)
	a := ask(t, http.MethodHead, where, request{})
	if a.StatusCode != http.StatusOK || a.ContentLength != int64(len(s.data)) || len(a.body) > 0 ||
		a.Header.Get("Content-Type") != "video/mp4" || a.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("HEAD: %s, length %d, %v", a.Status, a.ContentLength, a.Header)
	}
	a = ask(t, http.MethodGet, where, request{header: map[string]string{"Range": "bytes=100-299"}})
	if a.StatusCode != http.StatusPartialContent || !bytes.Equal(a.body, s.data[100:300]) ||
		a.Header.Get("Content-Range") != fmt.Sprintf("bytes 100-299/%d", len(s.data)) || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("Range: %s, %d bytes, %v", a.Status, len(a.body), a.Header)
	}
	a = ask(t, http.MethodGet, where, request{header: map[string]string{"Range": fmt.Sprintf("bytes=%d-", len(s.data))}})
	if a.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("Range behind the end: %s", a.Status)
	}
	a = ask(t, http.MethodHead, p.media, request{})
	if a.StatusCode != http.StatusOK || len(a.body) > 0 {
		t.Errorf("HEAD of the playlist: %s", a.Status)
	}
}

// checkMissing: HL-31, CORS on errors too, and errors are not cached for long.
func checkMissing(t *testing.T, p *player) {
	t.Helper()
	for _, c := range []struct{ name, code string }{
		{"none_1.m4s", "file_not_found"},
		{"none.mp4", "file_not_found"},
		{"none.txt", "file_not_found"},
		{"../none.m3u8", "stream_not_found"},
		{"../none/main.m3u8", "stream_not_found"},
	} {
		a := get(t, resolve(t, p.media, c.name))
		if a.StatusCode != http.StatusNotFound || a.code() != c.code {
			t.Errorf("%s: %s %s, want 404 %s", c.name, a.Status, a.body, c.code)
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header %v", c.name, a.Header)
		}
	}
}

// checkSegments reads the segments with a foreign library: all begin with an IDR, and their slices are the source's.
func checkSegments(t *testing.T, p *player, src *source) {
	t.Helper()
	var units [][]byte
	for _, s := range p.segments {
		video := videoOf(t, p.inits[s.init], s.data)
		if first := slicesOf(t, video[0]); len(first) == 0 || first[0][0]&0x1f != 5 {
			t.Errorf("HL-07: segment %d does not begin with an IDR", s.number)
		}
		units = append(units, video...)
	}
	arrived := slicesOf(t, units...)
	if src.find(arrived, 0) < 0 {
		t.Errorf("the %d slices in the segments are not a piece of the %d that were sent", len(arrived), len(src.slices))
	}
	checkWhole(t, src.ledger(), p.ledger(t))
}

// videoOf is the access units of a segment's video.
func videoOf(t *testing.T, initSection, data []byte) [][]byte {
	t.Helper()
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader(initSection)); err != nil {
		t.Fatal(err)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	var units [][]byte
	for _, part := range parts {
		for _, track := range part.Tracks {
			if timescale(init, track.ID) != 90000 {
				continue
			}
			for _, sample := range track.Samples {
				units = append(units, sample.Payload)
			}
		}
	}
	if len(units) == 0 {
		t.Fatal("a segment without video")
	}
	return units
}

// timescale tells the tracks apart: that of video is 90000, that of Opus 48000.
func timescale(init fmp4.Init, id int) uint32 {
	for _, track := range init.Tracks {
		if track.ID == id {
			return track.TimeScale
		}
	}
	return 0
}

// testFirstHLS: "HLS <= 300 ms when nobody watched before." It is a figure to be read, not asserted: the machine
// that runs the tests does other things as well.
func testFirstHLS(t *testing.T, s *server) {
	s.publish(t, "hls/first", media{video: true, audio: true})
	v := watch(t, s.http+"/live/hls/first.flv") // tells when the stream has run for a while
	v.untilLength(t, 3*time.Second)
	p := play(t, s.http+"/live/hls/first.m3u8")
	p.reload(t)
	if len(p.segments) == 0 {
		t.Error("the first playlist lists nothing")
	}
	t.Logf("the first multivariant playlist came after %v, with %d segments to play", p.took, len(p.segments))
	if p.took > 10*time.Second {
		t.Errorf("the first playlist took %v", p.took)
	}
}
