package mpegts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tool runs a program and returns all that it says. Where it is missing the test fails: what other programs make of our
// bytes is a part of the contract.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed: %v", name, err)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func written(t *testing.T, f film) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.ts")
	if err := os.WriteFile(path, joined(encode(t, f)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFFmpegDecodes has ffmpeg decode all of it, which says nothing when nothing is wrong, and ffprobe count.
func TestFFmpegDecodes(t *testing.T) {
	for name, f := range films(t) {
		t.Run(name, func(t *testing.T) {
			path := written(t, f)
			if out := tool(t, "ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "null", "-"); out != "" {
				t.Errorf("ffmpeg says: %s", out)
			}
			for _, track := range f.tracks {
				kind := "a"
				if track.Codec.IsVideo() {
					kind = "v"
				}
				got := tool(t, "ffprobe", "-v", "warning", "-select_streams", kind, "-count_packets",
					"-show_entries", "stream=codec_name,nb_read_packets", "-of", "csv=p=0:nk=1", path)
				n := 0
				for _, frame := range f.frames {
					if frame.Track == track.ID {
						n++
					}
				}
				name := track.Codec.String()
				if name == "h265" {
					name = "hevc"
				}
				// A programme's streams are listed twice: in it and by themselves.
				line, _, _ := strings.Cut(got, "\n")
				if line != name+","+strconv.Itoa(n) {
					t.Errorf("ffprobe says %q, want %d of %s", got, n, name)
				}
			}
		})
	}
}

// TestGStreamerDemuxes has tsdemux take the pictures out, which are those that went in.
func TestGStreamerDemuxes(t *testing.T) {
	for name, caps := range map[string]string{
		"h264-aac": "video/x-h264,stream-format=byte-stream,alignment=au", "h265-opus": "video/x-h265,stream-format=byte-stream,alignment=au",
	} {
		t.Run(name, func(t *testing.T) {
			f := films(t)[name]
			out := filepath.Join(t.TempDir(), "film.es")
			tool(t, "gst-launch-1.0", "-q", "filesrc", "location="+written(t, f), "!", "tsdemux", "!", caps, "!",
				"queue", "!", "filesink", "location="+out)
			got, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			for _, frame := range f.frames {
				if !frame.Codec.IsVideo() {
					continue
				}
				for data := inBand(t, f.tracks.Video(), frame); len(data) > 0; {
					n := 4 + int(data[2])<<8 + int(data[3]) + int(data[1])<<16
					want = append(append(want, startCode...), data[4:n]...)
					data = data[n:]
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes came out, want %d", len(got), len(want))
			}
		})
	}
}
