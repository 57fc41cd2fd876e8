package record

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/opus"
	"weir/mux/fmp4"
)

// A player that is made with ffmpeg gets to where it seeks, in a file that was completed and in one that was repaired.
func TestSeek(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1.mp4")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	video, frames := pictures(t)
	sound := av.Track{ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 312)}
	box, err := openMP4(newOutput(file, 0, time.Now), av.Tracks{video, sound}, 0, &Options{Fragment: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	const seconds = 200
	for n := range seconds * 50 {
		at := time.Duration(n) * time.Second / 50
		if n%50 == 0 { // a key frame each second
			f := *frames[0]
			f.Track, f.DTS, f.PTS = video.ID, at, at
			if err := box.write(&f); err != nil {
				t.Fatal(err)
			}
		}
		if err := box.write(&av.Frame{Track: audioID, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Data: []byte{0xf8, 0xff, 0xfe}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, got, err := box.finish(seconds*time.Second, false); err != nil || !near(got.duration, seconds*time.Second) {
		t.Fatalf("%+v, %v", got, err)
	}
	checkSeeks(t, name)
	// As a process leaves it that is killed.
	if file, err = os.OpenFile(name, os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	size, err := sizeOf(file)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := fmp4.Scan(file, size, func(fmp4.Fragment) error { return nil })
	if err != nil || layout.Head-layout.Free != indexRoom {
		t.Fatalf("%+v, %v", layout, err)
	}
	if _, err := file.WriteAt(fmp4.AppendFree(nil, indexRoom), layout.Free); err != nil {
		t.Fatal(err)
	}
	if _, err := mendMP4(newOutput(file, 0, time.Now), file); err != nil {
		t.Fatal(err)
	}
	checkSeeks(t, name)
}

func checkSeeks(t *testing.T, name string) {
	t.Helper()
	ffprobe(t, name)
	for _, to := range []float64{50, 190, 120} {
		out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-read_intervals", strconv.FormatFloat(to, 'f', -1, 64)+"%+#1",
			"-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		at, err := strconv.ParseFloat(strings.TrimRight(strings.TrimSpace(string(out)), ","), 64)
		if err != nil || math.Abs(at-to) > 1 {
			t.Errorf("a seek to %v leads to %q", to, out)
		}
	}
}
