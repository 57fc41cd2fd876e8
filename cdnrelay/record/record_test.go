package record

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/opus"
	"weir/mux/flv"
	"weir/mux/fmp4"
	"weir/room/live"
	"weir/room/store"
)

// all records every stream from its beginning on.
func all(spec Spec) []Rule { return []Rule{{Match: "*/*", Spec: spec}} }

// recorded is the one recording that there is.
func (l *lab) recorded(t testing.TB) store.Recording {
	t.Helper()
	list, err := l.store.Recordings(t.Context(), 1400000000, store.RecordingQuery{Limit: 10})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d recordings, %v", len(list), err)
	}
	return list[0]
}

// units are the pictures of a file, whatever its format.
func units(t testing.TB, path string) (all [][]byte) {
	t.Helper()
	tool := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
	out, err := tool.Output()
	if err != nil {
		t.Fatal(err)
	}
	for nal := range bytes.SplitSeq(out, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00")
		if len(nal) > 0 && (nal[0]&31 == 1 || nal[0]&31 == 5) {
			all = append(all, nal)
		}
	}
	return all
}

// sameUnits compares the pictures of files with those that were published from the n-th on.
func (s *source) sameUnits(t *testing.T, from, to int, got [][]byte) {
	t.Helper()
	if len(got) != to-from {
		t.Fatalf("%d pictures were recorded, %d published", len(got), to-from)
	}
	for i, unit := range got {
		if want := s.pictures[(from+i)%len(s.pictures)].Data[4:]; !bytes.Equal(unit, bytes.TrimRight(want, "\x00")) {
			t.Fatalf("picture %d is another one", from+i)
		}
	}
}

func near(a, b time.Duration) bool { return (a - b).Abs() < time.Millisecond }

func TestMP4(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{})})
	p := l.publish(t)
	p.play(10 * time.Second)
	l.end(t, p)
	events := l.heard(t, "begun", "complete", "ended")
	r := l.recorded(t)
	f := r.Files[0]
	if r.State != stateComplete || r.Running || len(r.Files) != 1 || !f.Complete || !near(f.Duration, 10*time.Second) || r.User != "ann" || r.By != "" {
		t.Errorf("%+v", r)
	}
	path := l.path(&r, "1.mp4")
	if got := ffprobe(t, path); !slices.Equal(got.packets(), []string{"h264 300", "opus 498"}) || got.Format.Start != "0.000000" {
		t.Errorf("%+v", got)
	}
	p.sameUnits(t, 0, 300, units(t, path))
	checkLayout(t, path, 10, f)
	if e := events[1]; e.Record.File != "1400000000/"+r.ID+"/1.mp4" || e.Record.Size != f.Size || !e.Record.End.Equal(f.Begin.Add(f.Duration)) || e.User != "ann" || e.Form != "whip" ||
		e.Record.URL != "/recordings/r/s/"+r.ID+"/1.mp4?sdkappid=1400000000" || e.Width != 640 {
		t.Errorf("%+v %+v", e, e.Record)
	}
}

// checkLayout checks that a file has its index, and so many fragments of a second.
func checkLayout(t *testing.T, path string, fragments int, f store.RecordingFile) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	layout, err := fmp4.Scan(bytes.NewReader(b), int64(len(b)), func(fmp4.Fragment) error { n++; return nil })
	if err != nil || !layout.Indexed || layout.Whole != int64(len(b)) || n != fragments || f.Size != int64(len(b)) || f.Init != layout.Free {
		t.Errorf("%+v of %d bytes, %d fragments, %v", layout, len(b), n, err)
	}
}

func TestFLV(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{Format: FormatFLV}), Encoder: "weir"})
	p := l.publish(t)
	p.play(10 * time.Second)
	l.end(t, p)
	l.heard(t, "begun", "complete", "ended")
	r := l.recorded(t)
	path := l.path(&r, "1.flv")
	got := ffprobe(t, path)
	if len(got.Streams) != 2 || got.packets()[0] != "h264 300" || got.Streams[1].Codec != "aac" || got.Format.Duration[:4] != "9.99" && got.Format.Duration[:4] != "10.0" {
		t.Errorf("%+v", got)
	}
	p.sameUnits(t, 0, 300, units(t, path))
	out, err := exec.CommandContext(t.Context(), "flvmeta", "--check", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "0 error(s)") {
		t.Errorf("flvmeta: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, _, err := flv.Scan(bytes.NewReader(b), int64(len(b)))
	if err != nil || whole != int64(len(b)) || r.Files[0].Size != whole {
		t.Errorf("%d of %d bytes, %v", whole, len(b), err)
	}
}

// A file ends at the first key frame behind its time or size, and nothing is lost or there twice.
func TestSplit(t *testing.T) {
	for name, c := range map[string]struct {
		spec  Spec
		files []time.Duration
	}{
		"MP4 by time": {Spec{Split: 10 * time.Second}, []time.Duration{10 * time.Second, 10 * time.Second, 5 * time.Second}},
		"FLV by time": {Spec{Format: FormatFLV, Audio: "aac", Split: 10 * time.Second}, []time.Duration{10 * time.Second, 10 * time.Second, 5 * time.Second}},
		"MP4 by size": {Spec{SplitBytes: 1 << 20}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLab(t, Options{Rules: all(c.spec)})
			p := l.publish(t)
			p.play(25 * time.Second)
			l.end(t, p)
			r := l.ended(t)
			var got [][]byte
			var durations []time.Duration
			sound := 0
			for i := range r.Files {
				path := l.path(&r, r.Files[i].Name)
				got = append(got, units(t, path)...)
				durations = append(durations, r.Files[i].Duration.Round(time.Second))
				if probed := ffprobe(t, path); len(probed.Streams) == 2 {
					n, err := strconv.Atoi(probed.Streams[1].Packets)
					if err != nil {
						t.Fatal(err)
					}
					sound += n
				}
			}
			p.sameUnits(t, 0, 750, got)
			if c.files != nil && !slices.Equal(durations, c.files) {
				t.Errorf("files of %v, want %v", durations, c.files)
			}
			if c.files == nil && len(r.Files) < 2 {
				t.Errorf("%d files", len(r.Files))
			}
			if c.spec.Format == "" && sound != 1248 {
				t.Errorf("%d packets of sound, want 1248", sound)
			}
		})
	}
}

// end ends the stream when its recording has begun.
func (l *lab) end(t *testing.T, p *source) {
	t.Helper()
	for l.running() == 0 {
		l.mu.Lock()
		told := l.told
		l.mu.Unlock()
		select {
		case <-told:
		case <-time.After(waiting):
			t.Fatal("nothing is recorded")
		}
	}
	p.End(errEnd)
}

// ended waits for the end of the one recording.
func (l *lab) ended(t *testing.T) store.Recording {
	t.Helper()
	timeout := time.After(waiting)
	for {
		l.mu.Lock()
		over, told := len(l.events) > 0 && slices.Contains([]string{"ended", "failed"}, l.events[len(l.events)-1].Record.State), l.told
		l.mu.Unlock()
		if over {
			return l.recorded(t)
		}
		select {
		case <-told:
		case <-timeout:
			t.Fatal("the recording does not end")
		}
	}
}

// Another size of the picture begins another MP4, and stands in the same FLV; so does another codec, and a long pause.
func TestChange(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		change func(p *source)
		files  int
	}{
		"MP4, another size":  {FormatMP4, (*source).resize, 2},
		"FLV, another size":  {FormatFLV, (*source).resize, 1},
		"MP4, a long pause":  {FormatMP4, func(p *source) { p.skipped += 5 * time.Second }, 2},
		"MP4, a short pause": {FormatMP4, func(p *source) { p.skipped += 2 * time.Second }, 1},
		"MP4, mono":          {FormatMP4, (*source).mono, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLab(t, Options{Rules: all(Spec{Format: c.format})})
			p := l.publish(t)
			p.play(4 * time.Second)
			c.change(p)
			p.play(4 * time.Second)
			l.end(t, p)
			r := l.ended(t)
			if len(r.Files) != c.files {
				t.Errorf("%d files, want %d: %+v", len(r.Files), c.files, r.Files)
			}
			pictures := 0
			for i := range r.Files {
				probed := ffprobe(t, l.path(&r, r.Files[i].Name))
				n, err := strconv.Atoi(probed.Streams[0].Packets)
				if err != nil {
					t.Fatal(err)
				}
				pictures += n
			}
			if pictures < 240 || pictures > 241 { // FLV repeats one before a new sequence header
				t.Errorf("%d pictures, want 240", pictures)
			}
		})
	}
}

// Sound that comes late begins another file, at the next key frame: until then the pictures go on.
func TestLateSound(t *testing.T) {
	for _, format := range []string{FormatMP4, FormatFLV} {
		t.Run(format, func(t *testing.T) {
			l := openLab(t, Options{Rules: all(Spec{Format: format})})
			publisher, err := l.hub.Publish(camera, live.PublishOptions{User: "ann", Tracks: 1})
			if err != nil {
				t.Fatal(err)
			}
			p := &source{t: t, Publisher: publisher, m: 1 << 30} // no sound
			p.track, p.pictures = pictures(t)
			p.put(&av.Frame{Track: p.track.ID, Kind: av.KindConfig, Codec: p.track.Codec, Config: &p.track})
			p.play(4500 * time.Millisecond) // the next key frame is at 6 s
			l.heard(t, "begun")
			l.awaitFile(t, l.recorded(t).ID)
			p.mono()
			p.m = int(p.at() / (20 * time.Millisecond))
			p.play(4500 * time.Millisecond)
			l.end(t, p)
			r := l.ended(t)
			if len(r.Files) != 2 {
				t.Fatalf("%+v", r)
			}
			var got [][]byte
			for i := range r.Files {
				path := l.path(&r, r.Files[i].Name)
				got = append(got, units(t, path)...)
				if probed := ffprobe(t, path); len(probed.Streams) != i+1 {
					t.Errorf("%s: %+v", r.Files[i].Name, probed)
				}
			}
			p.sameUnits(t, 0, 270, got)
		})
	}
}

// at is the time of the next picture.
func (s *source) at() time.Duration { return s.skipped + time.Duration(s.n)*time.Second/30 }

// resize changes the video's configuration, in a way that decoders do not mind: another picture parameter set, which no
// picture uses.
func (s *source) resize() {
	sps, pps, err := h264.ParseConfig(s.track.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	changed := s.track
	changed.Config = h264.AppendConfig(nil, sps, append(pps, []byte{0x68, 0x5b, 0x8f, 0x20}))
	s.put(&av.Frame{Track: s.track.ID, Kind: av.KindConfig, Codec: s.track.Codec, DTS: s.at(), PTS: s.at(), Config: &changed})
}

// mono changes the sound to one channel.
func (s *source) mono() {
	s.put(&av.Frame{Track: audioID, Kind: av.KindConfig, Codec: av.CodecOpus, DTS: s.at(), PTS: s.at(), Config: &av.Track{
		ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 1, Config: opus.AppendHead(nil, 1, 312),
	}})
}

// A configuration that a file goes on with is no sample of it: a joiner finds one that it knows already.
func TestConfigurationIsNoSample(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1.mp4")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	track, frames := pictures(t)
	ts := av.Tracks{track}
	box, err := openMP4(newOutput(out, 0, time.Now), ts, 0, &Options{Fragment: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames[:60] {
		f.Track, f.DTS, f.PTS = track.ID, time.Duration(i)*time.Second/30, time.Duration(i)*time.Second/30
		again := &av.Frame{Track: track.ID, Kind: av.KindConfig, Codec: track.Codec, DTS: f.DTS, PTS: f.DTS, Config: &track}
		if err := errors.Join(box.write(again), box.write(f)); err != nil {
			t.Fatal(err)
		}
	}
	if _, got, err := box.finish(2*time.Second, false); err != nil || !near(got.duration, 2*time.Second) {
		t.Fatalf("%+v, %v", got, err)
	}
	if got := ffprobe(t, name); !slices.Equal(got.packets(), []string{"h264 60"}) {
		t.Errorf("%+v", got)
	}
}

// TestStopTakesWhatWasThere: all that was published before a recording is stopped is in it, though it reads a few times a second only.
func TestStopTakesWhatWasThere(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{})})
	p := l.publish(t)
	p.play(time.Second)
	l.heard(t, "begun")
	id := l.recorded(t).ID
	for range 10 { // some of them while the reader sleeps
		p.play(time.Second / 10)
		time.Sleep(10 * time.Millisecond)
	}
	r, err := l.Recorder.Stop(t.Context(), 1400000000, id)
	if err != nil || r.State != stateComplete || len(r.Files) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := ffprobe(t, l.path(&r, "1.mp4")).packets(); got[0] != "h264 60" {
		t.Errorf("%v of 60 pictures", got)
	}
}
