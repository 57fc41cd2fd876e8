package av

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCodecNames(t *testing.T) {
	for c := CodecH264; c <= CodecAAC; c++ {
		got, ok := ParseCodec(c.String())
		if !ok || got != c {
			t.Errorf("ParseCodec(%q) = %v, %v", c.String(), got, ok)
		}
		if c.IsVideo() == c.IsAudio() {
			t.Errorf("%v is both or neither of video and audio", c)
		}
	}
	for _, name := range []string{"", "none", "vp8", "H264"} {
		if _, ok := ParseCodec(name); ok {
			t.Errorf("ParseCodec(%q) is ok", name)
		}
	}
	if got := Codec(200).String(); got != "unknown" {
		t.Errorf("Codec(200) = %q", got)
	}
}

func TestTicksAreLossless(t *testing.T) {
	rates := []uint32{8000, 44100, 48000, 90000, 1000000}
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom(rates).Draw(t, "rate")
		ticks := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "ticks")
		if got := Ticks(Duration(ticks, rate), rate); got != ticks {
			t.Fatalf("%d ticks at %d Hz came back as %d", ticks, rate, got)
		}
	})
}

func TestTicksRounds(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		rate uint32
		want int64
	}{
		{time.Second, 90000, 90000},
		{33333333 * time.Nanosecond, 90000, 3000},
		{-time.Millisecond, 48000, -48},
		{0, 48000, 0},
	} {
		if got := Ticks(c.d, c.rate); got != c.want {
			t.Errorf("Ticks(%v, %d) = %d, want %d", c.d, c.rate, got, c.want)
		}
	}
}

func TestTracksWith(t *testing.T) {
	v := Track{ID: 1, Codec: CodecH264, Width: 640}
	a := Track{ID: 2, Codec: CodecOpus}
	ts := Tracks(nil).With(&a).With(&v)
	if len(ts) != 2 || ts[0].ID != 1 || ts[1].ID != 2 {
		t.Fatalf("tracks are not in the order of their ids: %+v", ts)
	}
	wide := v
	wide.Width = 1280
	changed := ts.With(&wide)
	if len(changed) != 2 || changed.Video().Width != 1280 {
		t.Errorf("the changed track is not in place: %+v", changed)
	}
	if ts.Video().Width != 640 {
		t.Error("With changed the snapshot it was called on")
	}
	if ts.Audio().ID != 2 || ts.Find(9) != nil {
		t.Error("a track is not found by what it is")
	}
	if v.Same(&wide) || !v.Same(&v) {
		t.Error("Same does not see the size")
	}
}

func TestTracksWithout(t *testing.T) {
	ts := Tracks{{ID: 1, Codec: CodecH264}, {ID: 2, Codec: CodecOpus}}
	if got := ts.Without(1); len(got) != 1 || got[0].ID != 2 || len(ts) != 2 || ts[0].ID != 1 {
		t.Errorf("without the first: %+v of %+v", got, ts)
	}
	if got := ts.Without(3); len(got) != 2 || &got[0] != &ts[0] {
		t.Errorf("without one that is not there: %+v", got)
	}
	if got := ts.Without(1).Without(2); len(got) != 0 {
		t.Errorf("without both: %+v", got)
	}
}
