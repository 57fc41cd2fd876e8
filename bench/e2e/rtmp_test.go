package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/flv"
)

// pushed is a program that publishes by RTMP.
type pushed struct {
	cmd    *exec.Cmd
	out    logBuffer
	exited chan struct{} // closed when it is gone; err is then valid
	err    error
}

// launch starts a program that ends with the test.
func launch(t *testing.T, name string, args ...string) *pushed {
	t.Helper()
	p := &pushed{cmd: exec.Command(name, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s is needed (see .ci/deps): %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be gone
		<-p.exited
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.out.String())
		}
	})
	return p
}

// end sends a signal and waits until the program is gone.
func (p *pushed) end(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	p.gone(t)
}

func (p *pushed) gone(t *testing.T) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatal("the program does not end")
	}
}

// push lets ffmpeg publish a file as user "host", again and again.
func (s *server) push(t *testing.T, path, file string) *pushed {
	t.Helper()
	return launch(t, "ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy",
		"-flvflags", "no_duration_filesize", "-f", "flv", s.rtmp+"/live/"+path+"?usersig="+s.token)
}

var encoderFile = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(weir), "encoder.flv")
	return file, encode(file, 60, 12)
})

// encoderSample is what an encoder such as OBS sends: x264 with B-frames and groups of 2 s, and AAC at 44.1 kHz.
func encoderSample(t *testing.T) string {
	t.Helper()
	file, err := encoderFile()
	if err != nil {
		t.Fatalf("cannot make the sample: %v", err)
	}
	return file
}

// encode makes a sample with groups of so many pictures, 30 a second.
func encode(file string, group, seconds int) error {
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-y",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100",
		"-t", strconv.Itoa(seconds), "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "3",
		"-g", strconv.Itoa(group), "-keyint_min", strconv.Itoa(group), "-sc_threshold", "0", "-b:v", "600k",
		"-c:a", "aac", "-ac", "2", "-b:a", "96k", file).CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// slicesOfFile are the sums of the slices of an FLV file.
func slicesOfFile(t *testing.T, file string) [][32]byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := flv.NewDemuxer(bytes.NewReader(raw))
	var out [][32]byte
	for {
		f, err := d.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind == av.KindMedia && f.Codec.IsVideo() {
			for _, nal := range slicesOf(t, f.Data) {
				out = append(out, sha256.Sum256(nal))
			}
		}
	}
}

// checkPiece fails unless what arrived is a piece of the file, which repeats, byte for byte.
func checkPiece(t *testing.T, file string, arrived [][]byte) {
	t.Helper()
	sent := slicesOfFile(t, file)
	first := -1
	for i, sum := range sent {
		if sum == sha256.Sum256(arrived[0]) {
			first = i
			break
		}
	}
	if first < 0 {
		t.Fatal("the first slice is none of the source's")
	}
	for i, nal := range arrived {
		if sent[(first+i)%len(sent)] != sha256.Sum256(nal) {
			t.Fatalf("slice %d of %d is not the source's", i, len(arrived))
		}
	}
}

// awaitState waits until the stream is so; "ended" is none that is listed.
func (s *server) awaitState(t *testing.T, room, stream, state string) {
	t.Helper()
	eventually(t, room+"/"+stream+" to be "+state, func() bool {
		info, ok := s.info(t, room, stream)
		return ok && info.State == state || !ok && state == "ended"
	})
}

// testRTMP: an encoder's pictures, B-frames among them, and its AAC arrive as they were sent, by FLV and by HLS, and
// its stop ends the stream at once.
func testRTMP(t *testing.T, s *server) {
	file := encoderSample(t)
	p := s.push(t, "rtmp/cam", file)
	s.awaitState(t, "rtmp", "cam", "live")
	v := watch(t, s.http+"/live/rtmp/cam.flv")
	opus := watch(t, s.http+"/live/rtmp/cam.flv?audio=opus")
	h := play(t, s.http+"/live/rtmp/cam.m3u8")
	h.until(t, 4)
	v.untilLength(t, 6*time.Second)
	opus.untilLength(t, 4*time.Second)
	p.end(t, syscall.SIGINT)
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	if err := opus.ended(t); err != nil {
		t.Errorf("the response with Opus was cut: %v", err)
	}
	checkCapture(t, v, 5, "aac", "h264")
	video, audio := v.frames(t)
	sent := encoderSent(t)
	checkWhole(t, sent, ledgerOf(t, video, audio))
	reordered := 0
	for _, f := range video {
		if f.PTS > f.DTS {
			reordered++
		}
	}
	if reordered == 0 || len(audio) < 250 {
		t.Errorf("%d pictures in another order, %d sounds", reordered, len(audio))
	}
	pictures, sounds := opus.frames(t)
	checkPiece(t, file, slicesOf(t, dataOf(pictures)...))
	if len(sounds) < 180 || sounds[0].Codec != av.CodecOpus {
		t.Errorf("%d sounds as Opus", len(sounds))
	}
	checkShare(t, "sounds as Opus", times(sounds), 0.95)
	checkRising(t, opus.tags)
	h.untilEnd(t)
	checkDecodes(t, h.media)
	checkProbe(t, h.media, "aac", "h264")
	checkWhole(t, sent, h.ledger(t))
	if _, ok := s.info(t, "rtmp", "cam"); ok {
		t.Error("the stream is still there")
	}
}

// testRTMPVanish: an encoder that is killed interrupts its stream, and when it comes back the viewers are still there.
func testRTMPVanish(t *testing.T, s *server) {
	file := encoderSample(t)
	first := s.push(t, "rtmpback/cam", file)
	s.awaitState(t, "rtmpback", "cam", "live")
	v := watch(t, s.http+"/live/rtmpback/cam.flv")
	v.untilLength(t, 2*time.Second)
	first.end(t, syscall.SIGKILL)
	s.awaitState(t, "rtmpback", "cam", "interrupted")
	if info, _ := s.info(t, "rtmpback", "cam"); info.Reason != "the publisher closed the connection" && info.Reason != "the connection to the publisher failed" {
		t.Errorf("interrupted because %q", info.Reason)
	}
	before := len(v.tagsNow())
	second := s.push(t, "rtmpback/cam", file)
	v.until(t, "pictures of the second push", func(tags []tag) bool {
		return len(tags) > before && firstPicture(tags[before:]) != nil && span(tags[before:]) >= 3*time.Second
	})
	second.end(t, syscall.SIGINT)
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	checkCapture(t, v, 5, "aac", "h264")
}

func (v *viewer) tagsNow() []tag {
	_, tags := v.snapshot()
	return tags
}

// testRTMPTakeover: an encoder takes over what the same user published from a browser; viewers go on, with AAC
// whatever the publisher sends.
func testRTMPTakeover(t *testing.T, s *server) {
	browser := s.publish(t, "rtmptake/cam", media{video: true, audio: true})
	v := watch(t, s.http+"/live/rtmptake/cam.flv")
	v.untilLength(t, 2*time.Second)
	before := len(v.tagsNow())
	p := s.push(t, "rtmptake/cam", encoderSample(t))
	v.until(t, "pictures of the encoder", func(tags []tag) bool {
		for _, g := range tags[before:] {
			if g.kind == videoTag && g.media() && g.body[2]|g.body[3]|g.body[4] != 0 { // browsers send no B-frames
				return span(tags[before:]) >= 3*time.Second
			}
		}
		return false
	})
	browser.Kill()
	p.end(t, syscall.SIGINT)
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	tags := v.tagsNow()
	checkRising(t, tags)
	// ffmpeg's parser keeps the first parameter sets of a file: each publisher's part is one of its own.
	var headers []int
	for i, g := range tags {
		if g.kind == videoTag && !g.media() {
			headers = append(headers, i)
		}
	}
	if len(headers) != 2 {
		t.Fatalf("%d sequence headers, want one for each publisher", len(headers))
	}
	for _, part := range [][]tag{tags[:headers[1]], slices.Concat(soundHeader(t, tags[:headers[1]]), tags[headers[1]:])} {
		checkDecodes(t, flvFile(t, part))
	}
	checkProbe(t, v.file(t), "aac", "h264")
}

// soundHeader is the last sequence header of the sound, alone.
func soundHeader(t *testing.T, tags []tag) []tag {
	t.Helper()
	for _, g := range slices.Backward(tags) {
		if g.kind == audioTag && !g.media() {
			return []tag{g}
		}
	}
	t.Fatal("no sequence header of the sound")
	return nil
}

// flvFile writes tags into a file.
func flvFile(t *testing.T, tags []tag) string {
	t.Helper()
	b := flv.AppendHeader(nil, true, true)
	for _, g := range tags {
		n, ms := len(g.body), uint32(g.dts/time.Millisecond)
		b = append(b, g.kind, byte(n>>16), byte(n>>8), byte(n), byte(ms>>16), byte(ms>>8), byte(ms), byte(ms>>24), 0, 0, 0)
		b = append(b, g.body...)
		b = binary.BigEndian.AppendUint32(b, uint32(11+n))
	}
	path := filepath.Join(t.TempDir(), "part.flv")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// testRTMPClients: GStreamer's two clients publish, and say goodbye without an error.
func testRTMPClients(t *testing.T, s *server) {
	for _, sink := range []string{"rtmp2sink", "rtmpsink"} {
		p := launch(t, "gst-launch-1.0", "-q",
			"videotestsrc", "num-buffers=150", "is-live=true", "!", "video/x-raw,width=320,height=240,framerate=30/1", "!",
			"x264enc", "key-int-max=30", "tune=zerolatency", "!", "flvmux", "streamable=true", "name=mux", "!",
			sink, "location="+s.rtmp+"/live/"+sink+"/cam?usersig="+s.token,
			"audiotestsrc", "num-buffers=215", "is-live=true", "!", "audio/x-raw,rate=44100,channels=2", "!", "avenc_aac", "!", "mux.")
		s.awaitState(t, sink, "cam", "live")
		v := watch(t, s.http+"/live/"+sink+"/cam.flv")
		if err := v.ended(t); err != nil {
			t.Errorf("%s: the viewer's response was cut: %v", sink, err)
		}
		path := v.file(t)
		// A live source of GStreamer is uneven where the machine is slow: ffmpeg must not count pictures.
		checkDecodes(t, path, "-fps_mode", "passthrough", "-enc_time_base", "-1")
		checkProbe(t, path, "aac", "h264")
		checkFLV(t, path)
		p.gone(t)
		if said := p.out.String(); p.err != nil || strings.Contains(said, "ERROR") {
			t.Errorf("%s: %v\n%s", sink, p.err, said)
		}
	}
}

// testRTMPRefuses: what is refused is refused with words that the person at the encoder sees.
func testRTMPRefuses(t *testing.T, s *server) {
	s.publish(t, "rtmpbusy/cam", media{video: true})
	other := s.userSig(t, "other")
	for _, c := range []struct{ name, target, codec, want string }{
		{"no token", "rtmpno/cam", "copy", "a token is needed"},
		{"another user's stream", "rtmpbusy/cam?usersig=" + other, "copy", "another user"},
		{"a bad id", "rtmpno/.cam?usersig=" + s.token, "copy", "a stream does not start with a dot"},
	} {
		out, err := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-re", "-i", encoderSample(t), "-c", c.codec, "-f", "flv", s.rtmp+"/live/"+c.target)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: ffmpeg says %q, %v, want %q", c.name, out, err, c.want)
		}
	}
	const counter = `weir_rtmp_session_ends_total{reason="codec"}`
	before := s.metric(t, counter)
	if out, err := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-re", "-i", encoderSample(t), "-vn", "-c:a", "libmp3lame",
		"-f", "flv", s.rtmp+"/live/rtmpno/cam?usersig="+s.token); err == nil {
		t.Errorf("MP3: ffmpeg says %q", out)
	}
	eventually(t, counter+" to grow", func() bool { return s.metric(t, counter) != before })
}

// TestLongGroups: an encoder cannot be asked for key frames, and hardware ones send groups of 10 to 20 s. With times at
// a fifth of the defaults, HLS stays valid, the ring is bounded, and who joins FLV waits for a key frame at worst.
func TestLongGroups(t *testing.T) {
	t.Parallel()
	s := start(t, "WEIR_HLS_SEGMENT=1s", "WEIR_LIVE_RING_TIME=2s")
	file := filepath.Join(t.TempDir(), "long.flv")
	if err := encode(file, 150, 10); err != nil {
		t.Fatal(err)
	}
	p := s.push(t, "long/cam", file)
	s.awaitState(t, "long", "cam", "live")
	h := play(t, s.http+"/live/long/cam.m3u8")
	h.until(t, 3)
	v := watch(t, s.http+"/live/long/cam.flv")
	h.until(t, 9) // reload checks the durations against a TARGETDURATION that never changes
	if n := s.metric(t, "weir_hls_forced_cuts_total"); n == "" || n == "0" {
		t.Errorf("%q segments ended without a key frame", n)
	}
	ring, err := strconv.ParseFloat(s.metric(t, "weir_ring_bytes"), 64)
	if err != nil || ring > 1<<20 { // 2 s of 700 kbit/s are 175 kB
		t.Errorf("the ring holds %v bytes: %v", ring, err)
	}
	v.untilLength(t, 2*time.Second)
	p.end(t, syscall.SIGINT)
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	checkCapture(t, v, 5, "aac", "h264")
	h.untilEnd(t)
	// From the first segment on: the last playlist begins within a group, which decoders must get over.
	whole := slices.Clone(h.inits[h.segments[0].init])
	for _, g := range h.segments {
		whole = append(whole, g.data...)
	}
	path := filepath.Join(t.TempDir(), "segments.mp4")
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	checkDecodes(t, path)
	if strings.Contains(string(get(t, h.media).body), "#EXT-X-INDEPENDENT-SEGMENTS") {
		t.Error("HL-07: the playlist says that every segment begins with a key frame")
	}
}
