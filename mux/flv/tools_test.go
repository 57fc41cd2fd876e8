package flv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
)

// tool runs a program and returns all that it says. Where it is missing the test fails: what other programs
// make of our bytes is a part of the contract.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed (Debian packages ffmpeg and flvmeta): %v", name, err)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

func written(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.flv")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sampleFilm is the whole of both samples: 20 s of picture and AAC.
func sampleFilm(t *testing.T) string {
	video, v := videoFrames(t, "bars-360p.h264", 600, 0)
	audio, a := aacFrames(t, 20*time.Second, 0)
	return written(t, film(t, merge(video, audio), av.Tracks{*v, *a}))
}

func TestFFmpegDecodesWithoutAWord(t *testing.T) {
	path := sampleFilm(t)
	if out := tool(t, "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"); out != "" {
		t.Errorf("ffmpeg says:\n%s", out)
	}
	out := tool(t, "ffprobe", "-v", "error", "-count_packets", "-show_entries",
		"stream=codec_name,width,height,sample_rate,channels,nb_read_packets", "-of", "compact=p=0:nk=1", path)
	if want := "h264|640|360|600\naac|48000|2|938"; out != want {
		t.Errorf("ffprobe sees\n%s\nwant\n%s", out, want)
	}
}

func TestFlvmetaFindsNoError(t *testing.T) {
	out := tool(t, "flvmeta", "--check", sampleFilm(t))
	if !strings.Contains(out, "0 error(s)") {
		t.Errorf("flvmeta says:\n%s", out)
	}
}

// Tracks need not be in step with each other, only each with itself: video is never held back for audio.
func TestToolsTakeLateSound(t *testing.T) {
	video, v := videoFrames(t, "bars-360p.h264", 90, 100*ms)
	audio, a := aacFrames(t, 3*time.Second, 100*ms)
	frames := merge(video, audio)
	for _, f := range frames {
		if f.Track == audioID { // keeps its place in the file, 40 ms too late for its time
			f.DTS -= 40 * ms
			f.PTS -= 40 * ms
		}
	}
	ts := av.Tracks{*v, *a}
	b, err := AppendPreamble(nil, ts, testEncoder, 60*ms)
	if err != nil {
		t.Fatal(err)
	}
	back, newest := 0, uint32(0)
	for _, tag := range encodeAll(t, NewEncoder(ts), frames...) {
		at := rawTags(t, tag.Data)[0].ms
		if at < newest {
			back++
		}
		b, newest = append(b, tag.Data...), max(newest, at)
	}
	if back < 100 {
		t.Fatalf("only %d tags are older than one before them", back)
	}
	path := written(t, b)
	if out := tool(t, "flvmeta", "--check", path); !strings.Contains(out, "0 error(s)") {
		t.Errorf("flvmeta says:\n%s", out)
	}
	for _, form := range []string{"null", "flv", "mp4", "mpegts"} {
		args := []string{"-v", "warning", "-i", path}
		if form != "null" {
			args = append(args, "-c", "copy")
		}
		args = append(args, "-f", form, filepath.Join(t.TempDir(), "copy"))
		if out := tool(t, "ffmpeg", args...); out != "" {
			t.Errorf("ffmpeg to %s says:\n%s", form, out)
		}
	}
}

// A new sequence header, with the picture before it sent twice, is decoded through.
func TestFFmpegTakesANewSize(t *testing.T) {
	first, track := videoFrames(t, "bars-360p.h264", 30, 0)
	second, _ := videoFrames(t, "bars-720p.h264", 30, time.Second)
	path := written(t, film(t, append(first, second...), av.Tracks{*track}))
	// The null muxer counts in frames, in which two pictures 1 ms apart are one, unless it is told not to.
	if out := tool(t, "ffmpeg", "-v", "error", "-i", path, "-enc_time_base", "-1", "-f", "null", "-"); out != "" {
		t.Errorf("ffmpeg says:\n%s", out)
	}
	if out := tool(t, "flvmeta", "--check", path); !strings.Contains(out, "0 error(s)") {
		t.Errorf("flvmeta says:\n%s", out)
	}
	out := tool(t, "ffprobe", "-v", "error", "-show_entries", "frame=width", "-of", "csv=p=0", path)
	if small, large := strings.Count(out, "640"), strings.Count(out, "1280"); small != 31 || large != 30 {
		t.Errorf("%d small pictures and %d large ones, want 31 and 30", small, large)
	}
}
