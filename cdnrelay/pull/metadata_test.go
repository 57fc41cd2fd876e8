package pull

import (
	"bytes"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/rtmp"
)

func TestAnnounced(t *testing.T) {
	meta := func(props ...rtmp.Property) []byte { return rtmp.AppendAMF(nil, "onMetaData", props) }
	for _, c := range []struct {
		name                string
		script              []byte
		pictures, sound, ok bool
	}{
		{"both", meta(rtmp.Prop("videocodecid", 7.0), rtmp.Prop("audiocodecid", 10.0)), true, true, true},
		{"as a publisher says it", append(rtmp.AppendAMF(nil, "@setDataFrame"), meta(rtmp.Prop("videocodecid", "avc1"))...), true, false, true},
		{"sound alone", meta(rtmp.Prop("audiocodecid", 10.0)), false, true, true},
		{"zero is none", meta(rtmp.Prop("videocodecid", 0.0), rtmp.Prop("audiocodecid", 10.0)), false, true, true},
		{"no codec", meta(rtmp.Prop("duration", 0.0)), false, false, false},
		{"another script", rtmp.AppendAMF(nil, "onCuePoint", []rtmp.Property{rtmp.Prop("videocodecid", 7.0)}), false, false, false},
		{"no object", rtmp.AppendAMF(nil, "onMetaData", 7.0), false, false, false},
		{"a name alone", rtmp.AppendAMF(nil, "onMetaData"), false, false, false},
		{"damaged", []byte{2, 0}, false, false, false},
		{"too long", meta(rtmp.Prop("videocodecid", 7.0), rtmp.Prop("x", string(bytes.Repeat([]byte("x"), maxMetadata)))), false, false, false},
	} {
		if p, s, ok := announced(c.script); p != c.pictures || s != c.sound || ok != c.ok {
			t.Errorf("%s: pictures %v, sound %v, %v", c.name, p, s, ok)
		}
	}
}

// TestTooSoon: nginx sends sound at once and pictures from the next key frame on. A stream that began with the sound would
// have its players begin anew.
func TestTooSoon(t *testing.T) {
	sound, picture := &av.Frame{Codec: av.CodecAAC, Key: true}, &av.Frame{Codec: av.CodecH264}
	key := &av.Frame{Codec: av.CodecH264, Key: true}
	for _, c := range []struct {
		name  string
		frame *av.Frame
		after time.Duration // the connection began
		told  func(s *session)
		want  bool
	}{
		{"a picture that needs others", picture, time.Hour, func(*session) {}, true},
		{"a key frame", key, 0, func(*session) {}, false},
		{"sound, nothing announced", sound, 0, func(*session) {}, true},
		{"sound, nothing announced for long", sound, tellWait, func(*session) {}, false},
		{"sound before pictures that were announced", sound, tellWait, func(s *session) { s.expect(true, true, 0) }, true},
		{"sound before pictures that do not come", sound, keyWait, func(s *session) { s.expect(true, true, 0) }, false},
		{"sound alone", sound, 0, func(s *session) { s.expect(false, true, 0) }, false},
		{"sound before pictures that were described", sound, tellWait, func(s *session) { s.held = []*av.Track{{Codec: av.CodecH264}} }, true},
	} {
		s := newSession(nil)
		s.came = time.Now().Add(-c.after)
		c.told(s)
		if got := s.tooSoon(c.frame); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
