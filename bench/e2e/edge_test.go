package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nodeKey is what nodes know each other by.
const nodeKey = "WEIR_EDGE_KEY=ed9e5ec2e7ed9e5ec2e7ed9e5ec2e7ed9e5ec2e7"

// TestEdge: a node in front of another gives its viewers what the other one would, in every form, and takes it once.
func TestEdge(t *testing.T) {
	t.Parallel()
	origin := start(t, nodeKey)
	front := start(t, nodeKey, "WEIR_EDGE_ORIGINS="+origin.http, "WEIR_PLAYBACK_WAIT=30s")
	early := make(chan *viewer, 1)
	go func() { early <- watch(t, front.http+"/live/edge/cam.flv?audio=opus") }() // before there is a publisher anywhere
	src := origin.publish(t, "edge/cam", media{video: true, audio: true})
	var v *viewer
	select {
	case v = <-early:
	case <-time.After(patience):
		t.Fatal("who came before the publisher gets nothing")
	}
	v.untilLength(t, 3*time.Second)
	direct := watch(t, origin.http+"/live/edge/cam.flv?audio=opus&start=gop")
	direct.untilLength(t, 3*time.Second)
	v.until(t, "what the origin's viewer had", func(tags []tag) bool {
		_, other := direct.snapshot()
		return tags[len(tags)-1].dts >= other[len(other)-1].dts
	})
	checkSameTags(t, v, direct)

	w := front.watchWHEP(t, "edge/cam")
	w.until(t, 100)
	checkPictures(t, src, w.decodable(-1, 90))
	if out, err := exec.CommandContext(t.Context(), python, "../clients/gstreamer_whep.py", front.http+"/whep/edge/cam").CombinedOutput(); err != nil ||
		!strings.Contains(string(out), "video 60 video/x-raw") || !strings.Contains(string(out), "audio 100 audio/x-raw") {
		t.Errorf("GStreamer: %v\n%s", err, out)
	}
	checkEdgeHLS(t, origin, front)
	checkSentFile(t, origin)
	if got := front.metric(t, "weir_edge_pulls"); got != "1" {
		t.Errorf("the stream is taken %s times", got)
	}

	src.delete(t)
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	eventually(t, "the stream's end at the node in front", func() bool {
		_, ok := front.info(t, "edge", "cam")
		return !ok
	})
	for _, s := range []*server{origin, front} {
		if strings.Contains(s.log.String(), "ed9e5ec2e7") {
			t.Error("the key stands in a log")
		}
	}
}

// checkSameTags compares the pictures and sounds that both viewers have, by their times.
func checkSameTags(t *testing.T, a, b *viewer) {
	t.Helper()
	_, one := a.snapshot()
	_, two := b.snapshot()
	type place struct {
		kind byte
		dts  time.Duration
	}
	bodies := make(map[place][]byte)
	for _, x := range one {
		if x.media() {
			bodies[place{x.kind, x.dts}] = x.body
		}
	}
	same := 0
	for _, x := range two {
		if !x.media() || x.dts > one[len(one)-1].dts {
			continue
		}
		if !bytes.Equal(bodies[place{x.kind, x.dts}], x.body) {
			t.Fatalf("at %v the node in front has another tag of kind %d, or none", x.dts, x.kind)
		}
		same++
	}
	if same < 100 {
		t.Errorf("%d tags in common", same)
	}
}

// checkEdgeHLS: both nodes list the same segments, and give the same bytes.
func checkEdgeHLS(t *testing.T, origin, front *server) {
	t.Helper()
	far := play(t, front.http+"/live/edge/cam.m3u8")
	far.until(t, 2)
	near := play(t, origin.http+"/live/edge/cam.m3u8")
	near.until(t, 2)
	far.reload(t)
	if !bytes.Equal(far.multi.body[:20], near.multi.body[:20]) {
		t.Errorf("multivariant playlists\n%s\n%s", far.multi.body, near.multi.body)
	}
	same := 0
	for number, s := range near.byNumber {
		other, ok := far.byNumber[number]
		if !ok {
			continue
		}
		same++
		if s.uri != other.uri || !s.at.Equal(other.at) || !bytes.Equal(s.data, other.data) {
			t.Errorf("segment %d is %s at the origin and %s in front", number, s.uri, other.uri)
		}
	}
	if same < 2 {
		t.Errorf("%d segments in common", same)
	}
	if a := get(t, front.http+"/live/edge/none.m3u8"); a.StatusCode != http.StatusNotFound || a.code() != "stream_not_found" {
		t.Errorf("a stream that nobody has: %s %s", a.Status, a.body)
	}
}

// checkSentFile: what a node is sent is a file that ffprobe and ffmpeg read.
func checkSentFile(t *testing.T, origin *server) {
	t.Helper()
	address := origin.http + "/edge/1400000000/edge/cam"
	if a := get(t, address); a.StatusCode != http.StatusForbidden || a.code() != "edge_forbidden" {
		t.Errorf("without the key: %s %s", a.Status, a.body)
	}
	file := filepath.Join(t.TempDir(), "sent.mp4")
	_, key, _ := strings.Cut(nodeKey, "=")
	if out, err := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-headers", "Authorization: Bearer "+key+"\r\n", "-i", address, "-t", "3",
		"-c", "copy", "-y", file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if i, err := os.Stat(file); err != nil || i.Size() < 10_000 {
		t.Errorf("%v %v", i, err)
	}
	checkProbe(t, file, "h264", "opus")
}

// TestEdgeOutlivesOrigin: CLU-01, an origin that is killed and comes back, with its publisher, does not cut who watches at the
// node in front.
func TestEdgeOutlivesOrigin(t *testing.T) {
	t.Parallel()
	origin := start(t, nodeKey)
	front := start(t, nodeKey, "WEIR_EDGE_ORIGINS="+origin.http, "WEIR_INGEST_GRACE=60s")
	origin.publish(t, "edge/cam", media{video: true, audio: true})
	v := watch(t, front.http+"/live/edge/cam.flv")
	v.untilLength(t, 2*time.Second)
	if err := origin.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-origin.exited
	eventually(t, "the interruption to be seen", func() bool {
		info, _ := front.info(t, "edge", "cam")
		return info.State == "interrupted" && info.Reason == "origin_lost"
	})
	_, before := v.snapshot()

	back := start(t, nodeKey, "WEIR_HTTP_LISTEN="+strings.TrimPrefix(origin.http, "http://"))
	back.publish(t, "edge/cam", media{video: true, audio: true})
	published := time.Now()
	v.until(t, "pictures of the origin's next life", func(tags []tag) bool {
		for _, x := range tags[len(before):] {
			if x.key() {
				return true
			}
		}
		return false
	})
	t.Logf("the viewer goes on %v after the publisher is back", time.Since(published))
	v.until(t, "two seconds more", func(tags []tag) bool { return len(tags) > len(before)+150 })
	_, tags := v.snapshot()
	checkRising(t, tags)
	checkDecodes(t, v.file(t))
	if info, _ := front.info(t, "edge", "cam"); info.State != "live" || info.Counters["interruptions"] != 1 {
		t.Errorf("the stream shows as %+v", info)
	}
}

// TestEdgeOfRTMP: pictures in another order than they are decoded in, by RTMP, are the same in front.
func TestEdgeOfRTMP(t *testing.T) {
	t.Parallel()
	origin := start(t, nodeKey)
	front := start(t, nodeKey, "WEIR_EDGE_ORIGINS="+origin.http)
	origin.push(t, "edge/obs", encoderSample(t))
	origin.awaitState(t, "edge", "obs", "live")
	v := watch(t, front.http+"/live/edge/obs.flv")
	v.untilLength(t, 3*time.Second)
	direct := watch(t, origin.http+"/live/edge/obs.flv?start=gop")
	direct.untilLength(t, 2*time.Second)
	v.until(t, "what the origin's viewer had", func(tags []tag) bool {
		_, other := direct.snapshot()
		return tags[len(tags)-1].dts >= other[len(other)-1].dts
	})
	checkSameTags(t, v, direct)
}

// TestEdgeOfPull: who asks a node for a stream that the node behind it pulls on demand has it pulled, by every form; so has who asks
// that node itself by HLS alone.
func TestEdgeOfPull(t *testing.T) {
	t.Parallel()
	far := start(t)
	src := far.publish(t, "far/cam", media{video: true, audio: true})
	sources, err := json.Marshal([]map[string]any{
		{"match": "flv/*", "from": []string{far.http + "/live/far/{stream}.flv"}},
		{"match": "hls/*", "from": []string{far.http + "/live/far/{stream}.flv"}},
		{"match": "here/*", "from": []string{far.http + "/live/far/{stream}.flv"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	origin := start(t, nodeKey, "WEIR_PULL_SOURCES="+string(sources))
	front := start(t, nodeKey, "WEIR_EDGE_ORIGINS="+origin.http, "WEIR_PLAYBACK_WAIT=30s")
	v := watch(t, front.http+"/live/flv/cam.flv")
	v.untilLength(t, 2*time.Second)
	v.leave()
	video, _ := v.frames(t)
	if arrived := slicesOf(t, dataOf(video)...); src.find(arrived, 0) < 0 {
		t.Errorf("the %d slices that came are no piece of what was sent", len(arrived))
	}
	play(t, front.http+"/live/hls/cam.m3u8").until(t, 2)
	play(t, origin.http+"/live/here/cam.m3u8").until(t, 1)
}
