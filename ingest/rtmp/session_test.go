package rtmp

import (
	"strings"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/rtmp"
	"weir/room/live"
	"weir/room/live/timeline"
)

// TestPolicyOfAPublish: anybody may be stricter than the configuration, only an administrator may be less.
func TestPolicyOfAPublish(t *testing.T) {
	d := newDoor(t, nil)
	first := d.dial()
	first.ask("live", "demo/cam?policy=reject&usersig="+sign(t, "host"))
	first.started()
	for _, tc := range []struct{ policy, code, text string }{
		{"reject", "NetStream.Publish.BadName", "has a publisher"},
		{"replace", "NetStream.Publish.Denied", "only an administrator"},
		{"other", "NetStream.Publish.Denied", "resume, replace or reject"},
	} {
		c := d.dial()
		c.ask("live", "demo/cam?policy="+tc.policy+"&usersig="+sign(t, "host"))
		if code, text := c.status(); code != tc.code || !strings.Contains(text, tc.text) {
			t.Errorf("%s: got %s: %s", tc.policy, code, text)
		}
		_ = c.Close()
	}
	second := d.dial()
	second.ask("live", "demo/cam?usersig="+sign(t, "host"))
	second.started()
	first.ended()
}

// TestTracksThatDoNotCome: what a stream has that is taken over, and its new publisher does not bring, is over.
func TestTracksThatDoNotCome(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	before, err := d.hub.Publish(live.Key{App: testSDK, Room: "demo", Stream: "cam"}, live.PublishOptions{User: "host", Tracks: 2})
	if err != nil {
		t.Fatal(err)
	}
	picture := av.Track{ID: timeline.VideoID, Codec: av.CodecH264, ClockRate: 90000, Config: s.avcC[5:], Width: 640, Height: 360}
	for _, f := range []*av.Frame{
		{Track: timeline.VideoID, Kind: av.KindConfig, Codec: av.CodecH264, Config: &picture},
		{Track: timeline.VideoID, Codec: av.CodecH264, Key: true, DTS: time.Millisecond, PTS: time.Millisecond, Data: s.pictures[0][5:]},
	} {
		if err := before.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	c := d.publish("host")
	c.send(rtmp.TypeAudio, 0, s.asc)
	for i := range 120 { // more than two seconds
		c.send(rtmp.TypeAudio, uint32(i*1024/48), s.sounds[i])
	}
	await(t, "the picture is over", func() bool { return d.stream().Tracks().Video() == nil })
	c.send(rtmp.TypeVideo, 2600, s.avcC)
	c.send(rtmp.TypeVideo, 2600, s.pictures[0])
	await(t, "there are pictures again", func() bool { return d.stream().Tracks().Video() != nil })
}

// TestFigures: what the door knows of a publisher is what it sent.
func TestFigures(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c := d.publish("host")
	c.headers(s)
	c.send(rtmp.TypeVideo, 0, s.pictures[1]) // no key frame yet
	c.play(s, 30, 0)
	c.send(rtmp.TypeVideo, 1000, []byte{0x27, 1, 0, 0, 0, 0, 0, 1, 0}) // longer than what is there
	await(t, "all is counted", func() bool {
		in, ok := d.stream().Ingest()
		v, a := in.Tracks[0], in.Tracks[1]
		return ok && in.Door == "rtmp" && v.ID == timeline.VideoID && v.Units == 30 && v.Dropped == 1 && v.Damaged == 1 && a.Units > 40
	})
}

func TestMeter(t *testing.T) {
	var m meter
	if bits, units := m.rates(); bits != 0 || units != 0 {
		t.Errorf("nothing is %v and %v", bits, units)
	}
	for i := range 20 {
		m.note(meterPoint{at: time.Duration(i) * time.Second, bytes: uint64(i * 1000), units: uint64(i * 30)})
	}
	if bits, units := m.rates(); bits != 8000 || units != 30 {
		t.Errorf("got %v and %v, want 8000 and 30", bits, units)
	}
}
