package segmenter

import (
	"bytes"
	"testing"
	"time"

	"weir/mux/av"
	clips "weir/testdata/samples"
)

// later is the sample as frames of the video track, moved by a time.
func later(frames []*av.Frame, by time.Duration) (out []*av.Frame) {
	for _, f := range frames {
		moved := *f
		moved.Track, moved.DTS, moved.PTS = videoID, f.DTS+by, f.PTS+by
		out = append(out, &moved)
	}
	return out
}

// TestChangeOfCodec: another codec begins with a discontinuity and an init section of its own (RFC 8216bis 4.4.4.3).
func TestChangeOfCodec(t *testing.T) {
	for name, c := range map[string]struct {
		sample func(t testing.TB) (av.Track, []*av.Frame)
		codecs string
	}{
		"H.265": {clips.H265, "hvc1.1.6.L63.90,opus"},
		"AV1":   {clips.AV1, "av01.0.01M.08,opus"},
		"VP9":   {clips.VP9, "vp09.00.21.08,opus"},
	} {
		t.Run(name, func(t *testing.T) {
			track, frames := c.sample(t)
			track.ID = videoID
			b := startBuilder(t, bothTracks())
			all := append(camera(0, 4*time.Second, 30, 60), config(track, 4*time.Second))
			all = append(append(all, later(frames, 4*time.Second)...), later(frames, 6*time.Second)...)
			closed, _, forced := feed(t, b, all...)
			closed = append(closed, b.finish())
			if len(closed) != 4 || forced != 0 {
				t.Fatalf("%d segments, %d forced cuts", len(closed), forced)
			}
			for i, s := range closed {
				if s.Discontinuity != (i == 2) || !s.Independent || s.Duration.Round(time.Millisecond) != 2*time.Second {
					t.Errorf("segment %d: discontinuity %v, independent %v, %v", i, s.Discontinuity, s.Independent, s.Duration)
				}
			}
			before, after := closed[1].Init, closed[2].Init
			if before.Codecs != "avc1.42c01e,opus" || after.Codecs != c.codecs || after != closed[3].Init || before.Name == after.Name {
				t.Errorf("codecs %q, then %q", before.Codecs, after.Codecs)
			}
			if !bytes.Contains(after.Data, track.Config) || !bytes.Contains(closed[2].Data, frames[0].Data) {
				t.Error("the record or the first picture is missing")
			}
		})
	}
}
