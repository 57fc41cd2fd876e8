package e2e

import (
	"bytes"
	"net/http"
	"testing"
	"time"
)

// testFLV: "ffprobe/ffmpeg -v error -f null - on FLV print nothing; DTS strictly rise; the slice NAL units that
// arrive are the source's, byte for byte; flvmeta --check reports 0 errors."
func testFLV(t *testing.T, s *server) {
	src := s.publish(t, "flv/cam", media{video: true, audio: true})
	v := watch(t, s.http+"/live/flv/cam.flv")
	checkFLVHeader(t, v)
	ws := watchWS(t, s.http+"/live/flv/cam.flv")
	v.untilLength(t, 8*time.Second)
	ws.untilLength(t, 4*time.Second)
	ws.leave()
	v.until(t, "what came by WebSocket", func(tags []tag) bool {
		other := ws.tagsNow()
		return tags[len(tags)-1].dts >= other[len(other)-1].dts
	})
	v.leave()
	checkSameTags(t, v, ws)
	checkCapture(t, v, 5, "aac", "h264")
	video, _ := v.frames(t)
	arrived := slicesOf(t, dataOf(video)...)
	first := src.find(arrived, video[0].PTS)
	if first < 0 {
		t.Fatalf("the %d slices that arrived are not a piece of the %d that were sent", len(arrived), len(src.slices))
	}
	checkPace(t, src, first, v)
	if !src.at(first).key {
		t.Error("the first picture is none that the source called an IDR")
	}
}

// checkFLVHeader checks the response's header fields (FL-17).
func checkFLVHeader(t *testing.T, v *viewer) {
	t.Helper()
	if got := v.header.Get("Content-Type"); got != "video/x-flv" {
		t.Errorf("Content-Type %q", got)
	}
	if !v.chunks || v.length != -1 || v.header.Get("Content-Length") != "" {
		t.Errorf("chunked %v, length %d", v.chunks, v.length)
	}
	if got := v.header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin %q", got)
	}
	if got := v.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

// checkCapture lets others judge what a viewer got: flags are the header's (FL-01), codecs those in the stream.
func checkCapture(t *testing.T, v *viewer, flags byte, codecs ...string) {
	t.Helper()
	raw, tags := v.snapshot()
	if !bytes.Equal(raw[:13], []byte{'F', 'L', 'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0}) {
		t.Errorf("header % x, want flags %02x", raw[:13], flags)
	}
	if tags[0].kind != scriptTag {
		t.Errorf("the first tag is of type %d, want metadata (FL-05)", tags[0].kind)
	}
	checkRising(t, tags)
	for _, g := range tags {
		if g.kind == videoTag && g.media() {
			if !g.key() {
				t.Error("the first picture is no key frame (FL-07)")
			}
			break
		}
	}
	path := v.file(t)
	checkDecodes(t, path)
	checkProbe(t, path, codecs...)
	checkFLV(t, path)
}

// checkPace fails unless the pictures' steps are the source's, as far as milliseconds can say, and within the 5 % by
// which pictures are brought beside the sound.
func checkPace(t *testing.T, src *source, first int, v *viewer) {
	t.Helper()
	video, _ := v.frames(t)
	for i := range video[1:] {
		step, want := video[i+1].PTS-video[i].PTS, src.at(first+i+1).pts-src.at(first+i).pts
		if off := step - want; off.Abs() > want/20+time.Millisecond {
			t.Fatalf("picture %d is %v behind the one before, %v in the source", i+1, step, want)
		}
	}
}

// testEnhancedFLV: FL-12, Opus in FLV is Enhanced and begins with an OpusHead.
func testEnhancedFLV(t *testing.T, s *server) {
	src := s.publish(t, "flv/opus", media{video: true, audio: true})
	v := watch(t, s.http+"/live/flv/opus.flv?audio=opus")
	v.untilLength(t, 2*time.Second)
	v.leave()
	raw, tags := v.snapshot()
	if raw[4] != 5 {
		t.Errorf("header flags %02x, want 05", raw[4])
	}
	checkRising(t, tags)
	headers, packets := 0, 0
	for _, g := range tags {
		switch {
		case g.kind != audioTag:
		case !bytes.HasPrefix(g.body[1:], []byte("Opus")) || g.body[0]>>4 != 9:
			t.Fatalf("sound that is not Enhanced with the FourCC Opus: % x", g.body[:5])
		case g.body[0] == 0x90: // SequenceStart
			if headers++; !bytes.HasPrefix(g.body[5:], []byte("OpusHead")) || packets > 0 {
				t.Errorf("a sequence header of % x behind %d packets", g.body[5:], packets)
			}
		case g.body[0] == 0x91: // CodedFrames
			packets++
		}
	}
	if headers != 1 || packets < 90 {
		t.Errorf("%d OpusHeads and %d packets of Opus in 2 s", headers, packets)
	}
	checkWhole(t, src.ledger(), v.ledger(t))
}

// testFLVRefuses: "clear 4xx".
func testFLVRefuses(t *testing.T, s *server) {
	s.publish(t, "flv/refuses", media{audio: true})
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/live/flv/refuses.flv?audio=mp3", http.StatusBadRequest, "bad_audio"},
		{"GET", "/live/flv/none.flv", http.StatusNotFound, "stream_not_found"},
		{"GET", "/live/none/refuses.flv", http.StatusNotFound, "stream_not_found"},
		{"GET", "/live/flv/refuses.mp4", http.StatusNotFound, "not_found"},
		{"POST", "/live/flv/refuses.flv", http.StatusMethodNotAllowed, "method_not_allowed"},
	} {
		a := ask(t, c.method, s.http+c.path, request{})
		if a.StatusCode != c.status || a.code() != c.code {
			t.Errorf("%s %s: %s %s, want %d %s", c.method, c.path, a.Status, a.body, c.status, c.code)
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: no CORS", c.method, c.path)
		}
	}
	a := ask(t, http.MethodHead, s.http+"/live/flv/refuses.flv", request{})
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "video/x-flv" || len(a.body) > 0 {
		t.Errorf("HEAD: %s %v", a.Status, a.Header)
	}
}

// testVideoOnly: "Audio-only and video-only streams publish, join and play."
func testVideoOnly(t *testing.T, s *server) {
	src := s.publish(t, "single/video", media{video: true})
	testSingle(t, s, src, "single/video", 1, "h264", "h264")
}

// testAudioOnly is testVideoOnly for sound.
func testAudioOnly(t *testing.T, s *server) {
	src := s.publish(t, "single/audio", media{audio: true})
	testSingle(t, s, src, "single/audio", 4, "aac", "opus")
}

func testSingle(t *testing.T, s *server, src *source, path string, flags byte, inFLV, inHLS string) {
	v := watch(t, s.http+"/live/"+path+".flv")
	v.untilLength(t, time.Second)
	late := watch(t, s.http+"/live/"+path+".flv")
	p := play(t, s.http+"/live/"+path+".m3u8")
	p.until(t, 3)
	late.untilLength(t, 3*time.Second)
	for _, v := range []*viewer{v, late} {
		v.leave()
		checkCapture(t, v, flags, inFLV)
		video, audio := v.frames(t)
		checkShare(t, "frames", times(append(video, audio...)), 0.95) // of one kind
	}
	src.delete(t)
	p.untilEnd(t)
	checkDecodes(t, p.media)
	checkProbe(t, p.media, inHLS)
}
