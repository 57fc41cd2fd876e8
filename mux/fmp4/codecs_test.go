package fmp4

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"weir/mux/av"
	"weir/testdata/samples"
)

var casesVideo = []struct {
	name   string
	sample func(t testing.TB) (av.Track, []*av.Frame)
	entry  string
	ffmpeg string // name of the codec
	check  func(c codecs.Codec) bool
}{
	{"H.265", samples.H265, "hvc1", "hevc", func(c codecs.Codec) bool { h, ok := c.(*codecs.H265); return ok && len(h.SPS) > 0 }},
	{"AV1", samples.AV1, "av01", "av1", func(c codecs.Codec) bool { a, ok := c.(*codecs.AV1); return ok && len(a.SequenceHeader) > 0 }},
	{"VP9", samples.VP9, "vp09", "vp9", func(c codecs.Codec) bool {
		v, ok := c.(*codecs.VP9)
		return ok && v.Width == 640 && v.Height == 360 && v.BitDepth == 8
	}},
}

// film is an init section and one part of the whole sample.
func film(t *testing.T, track av.Track, frames []*av.Frame) []byte {
	t.Helper()
	b, err := Init(av.Tracks{track})
	if err != nil {
		t.Fatal(err)
	}
	p := PartTrack{ID: TrackID(track.ID)}
	for _, f := range frames {
		p.Samples = append(p.Samples, Sample{Duration: 3000, Key: f.Key, Data: f.Data})
	}
	return AppendPart(b, Part{Tracks: []PartTrack{p}})
}

func TestInitOfVideo(t *testing.T) {
	for _, c := range casesVideo {
		t.Run(c.name, func(t *testing.T) {
			track, _ := c.sample(t)
			b, err := Init(av.Tracks{track})
			if err != nil {
				t.Fatal(err)
			}
			var in fmp4.Init
			if err := in.Unmarshal(bytes.NewReader(b)); err != nil {
				t.Fatal(err)
			}
			if len(in.Tracks) != 1 || !c.check(in.Tracks[0].Codec) {
				t.Errorf("read back as %+v", in.Tracks[0].Codec)
			}
			if bytes.Count(b, []byte(c.entry)) != 1 || bytes.Count(b, track.Config) != 1 {
				t.Error("the sample entry or the track's record is missing")
			}
		})
	}
}

// TestVideoDecodes has ffmpeg decode all pictures without a word.
func TestVideoDecodes(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	for _, c := range casesVideo {
		t.Run(c.name, func(t *testing.T) {
			track, frames := c.sample(t)
			name := filepath.Join(t.TempDir(), "film.mp4")
			if err := os.WriteFile(name, film(t, track, frames), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(context.Background(), ffmpeg, "-v", "info", "-nostdin", "-i", name, "-f", "null", "-")
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err != nil || !strings.Contains(text, "frame=   60") || !strings.Contains(text, "Video: "+c.ffmpeg) || !strings.Contains(text, "("+c.entry) ||
				strings.Contains(strings.ToLower(text), "error") || strings.Contains(text, "Invalid") {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}
