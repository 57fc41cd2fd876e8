package e2e

import (
	"context"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// passthrough keeps ffmpeg from laying pictures on a grid of its own, which it cannot behind a freeze.
var passthrough = []string{"-fps_mode", "passthrough", "-enc_time_base", "-1"}

// TestLossyUplink: at 2 % loss and 40 ms each way, FLV and HLS decode without one error line.
func TestLossyUplink(t *testing.T) {
	t.Parallel()
	watchUplink(t, "loss=2 delay=40ms", 0.9)
}

// TestBadUplink: at 10 % loss in bursts, jitter of 30 ms, 3 % reordered and 1 % doubled, no broken access unit leaves,
// and two rounds of requests save most pictures: of 10 % losses, requests and answers each, 0.4 % are then left.
// That breaks one picture in thirty, and each costs those up to the next key frame; 88 to 97 % were seen. A machine that
// stands still for a moment answers requests later.
func TestBadUplink(t *testing.T) {
	t.Parallel()
	watchUplink(t, "loss=10 burst=4 delay=40ms jitter=30ms reorder=3 dup=1", 0.7)
}

// watchUplink publishes over a bad wire and fails unless what viewers get can be decoded, is the source's, and so
// much of it.
func watchUplink(t *testing.T, words string, least float64) {
	l := newLab(t)
	src := l.publish(t, "loss/cam") // before the wire is bad: that a handshake and both tracks come through is not the point
	v := watch(t, l.http+"/live/loss/cam.flv")
	v.untilLength(t, time.Second)
	l.set(t, words)
	p := play(t, l.http+"/live/loss/cam.m3u8")
	before, begin := l.count(t, "weir_whip_key_frame_requests_total"), time.Now()
	followBoth(t, v, p, lossTime)
	took := time.Since(begin)
	asked := l.count(t, "weir_whip_key_frame_requests_total") - before
	v.leave()
	checkUplink(t, src, v, p, least)
	// One a second, and the burst of two that the first wishes may have.
	if most := took.Seconds() + 2; asked > most {
		t.Errorf("%.0f key frames were asked for in %v", asked, took)
	}
	info, _ := l.info(t, "loss", "cam")
	t.Logf("%v: %.0f key frames asked for, %d packets asked for again, %+v", took, asked, src.NACKCount(), info.Counters)
}

// followBoth watches both outputs until each has so much media behind what it had.
func followBoth(t *testing.T, v *viewer, p *player, length time.Duration) {
	t.Helper()
	_, tags := v.snapshot()
	end := span(tags) + length
	segments := len(p.segments)
	for media := time.Duration(0); media < length; {
		p.until(t, len(p.segments)+1)
		media = 0
		for _, s := range p.segments[segments:] {
			media += time.Duration(s.duration * float64(time.Second))
		}
	}
	v.until(t, end.String()+" of media", func(tags []tag) bool { return span(tags) >= end })
}

// checkUplink fails unless both captures decode without a word, their DTS rise, and the pictures are those that the
// source sent, whole, in order, and at least a share of them.
func checkUplink(t *testing.T, src *source, v *viewer, p *player, least float64) {
	t.Helper()
	_, tags := v.snapshot()
	checkRising(t, tags)
	path := v.file(t)
	checkDecodes(t, path, passthrough...)
	checkDecodes(t, p.file(t), passthrough...)
	checkFLV(t, path)
	video, _ := v.frames(t)
	came, missing, err := src.follow(slicesOf(t, dataOf(video)...))
	if err != nil {
		t.Fatal(err)
	}
	share := float64(came) / float64(came+missing)
	t.Logf("%d pictures came and %d did not", came, missing)
	if share < least {
		t.Errorf("%.0f %% of the pictures came, want %.0f", 100*share, 100*least)
	}
}

// TestLossyGStreamer: what another implementation sends again is taken as well.
func TestLossyGStreamer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	launch := func(cmd *exec.Cmd) error { return l.wire.B.Do(cmd.Start) }
	c := l.startClient(t, "loss/gstreamer", "../clients/gstreamer_whip.py", launch, "NACK=1")
	c.live(t)
	l.set(t, "loss=2 delay=40ms")
	v := watch(t, l.http+"/live/loss/gstreamer.flv")
	v.untilLength(t, time.Second)
	p := play(t, l.http+"/live/loss/gstreamer.m3u8")
	followBoth(t, v, p, lossTime/2)
	v.leave()
	_, tags := v.snapshot()
	checkRising(t, tags)
	checkDecodes(t, v.file(t), passthrough...)
	checkDecodes(t, p.file(t), passthrough...)
	if info, _ := l.info(t, "loss", "gstreamer"); info.State != "live" {
		t.Errorf("the stream is %+v", info)
	}
	l.set(t, "")
	c.end(t)
}

// count is a figure at /metrics.
func (s *server) count(t *testing.T, name string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(s.metric(t, name), 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestBlackHole: a publisher whose path is gone for 3 s goes on in the same session.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	src := l.publish(t, "hole/cam")
	v := watch(t, l.http+"/live/hole/cam.flv")
	v.untilLength(t, 2*time.Second)
	p := play(t, l.http+"/live/hole/cam.m3u8")
	l.hole(t, 3*time.Second)
	followBoth(t, v, p, 8*time.Second)
	v.leave()
	checkUplink(t, src, v, p, 0.5)
	if n := l.count(t, "weir_whip_sessions_total"); n != 1 {
		t.Errorf("%.0f sessions, want the one that there was", n)
	}
}

// hole lets nothing through for a while.
func (l *lab) hole(t *testing.T, length time.Duration) {
	t.Helper()
	l.set(t, "blackhole=1")
	select {
	case <-time.After(length):
	case <-t.Context().Done():
	}
	l.set(t, "")
}

// TestLongBlackHole: after 12 s the stream is interrupted, and comes back by an ICE restart of the same session or by
// a new POST, while viewers of both forms stay.
func TestLongBlackHole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		back func(t *testing.T, l *lab, src *source)
	}{
		{"ICE restart", func(t *testing.T, _ *lab, src *source) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := src.Restart(ctx); err != nil {
				t.Fatal(err)
			}
		}},
		{"new POST", func(t *testing.T, l *lab, src *source) {
			src.Kill()
			l.publish(t, "hole/cam")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, "WEIR_INGEST_GRACE=60s")
			src := l.publish(t, "hole/cam")
			v := watch(t, l.http+"/live/hole/cam.flv")
			v.untilLength(t, 2*time.Second)
			p := play(t, l.http+"/live/hole/cam.m3u8")
			l.hole(t, 12*time.Second)
			if info, _ := l.info(t, "hole", "cam"); info.Counters["interruptions"] == 0 {
				t.Errorf("after 12 s the stream is %+v", info)
			}
			c.back(t, l, src)
			followBoth(t, v, p, 6*time.Second)
			if info, _ := l.info(t, "hole", "cam"); info.State != "live" {
				t.Errorf("the stream is %+v", info)
			}
			_, tags := v.snapshot()
			checkRising(t, tags)
			v.leave()
			checkDecodes(t, v.file(t), passthrough...)
			checkDecodes(t, p.file(t), passthrough...)
		})
	}
}
