package e2e

import (
	"slices"
	"testing"
	"time"
)

// testJoin: "First frame after joining a running stream: <= 20 ms p50 of server time for FLV (the group is in the
// ring)." It is a figure to be read; what is asserted is that nobody waits for the next key frame.
func testJoin(t *testing.T, s *server) {
	src := s.publish(t, "join/cam", media{video: true, audio: true})
	watch(t, s.http+"/live/join/cam.flv").untilLength(t, 3*time.Second)
	var times []time.Duration
	for range 30 {
		v := watch(t, s.http+"/live/join/cam.flv")
		v.until(t, "a picture", func(tags []tag) bool { return firstPicture(tags) != nil })
		_, tags := v.snapshot()
		picture := firstPicture(tags)
		if !picture.key() {
			t.Error("the first picture is no key frame")
		}
		times = append(times, picture.after)
		v.leave()
	}
	slices.Sort(times)
	t.Logf("first frame: p50 %v, p95 %v, worst %v", times[15], times[28], times[29])
	if times[15] > time.Second {
		t.Errorf("half of the viewers waited longer than %v for a picture", times[15])
	}
	if n := src.PLICount(); n > 5 {
		t.Errorf("30 joins cost the publisher %d key frames", n)
	}
}

func firstPicture(tags []tag) *tag {
	for i := range tags {
		if tags[i].kind == videoTag && tags[i].media() {
			return &tags[i]
		}
	}
	return nil
}
