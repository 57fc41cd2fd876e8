package pull

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/mpegts"
	"weir/testdata/samples"
)

// TestSameSound: of several sounds of a transport stream it is the same one in each segment, whichever comes first.
func TestSameSound(t *testing.T) {
	packet := func(pid uint16, c av.Codec) mpegts.PESPacket {
		return mpegts.PESPacket{PID: pid, Order: int(pid), Codec: c}
	}
	first := []mpegts.PESPacket{packet(258, av.CodecAAC), packet(256, av.CodecH264), packet(257, av.CodecAAC)}
	second := []mpegts.PESPacket{packet(258, av.CodecAAC), packet(259, av.CodecAAC)}
	for _, c := range []struct {
		name    string
		packets []mpegts.PESPacket
		kind    int
		was     uint16
		want    uint16
	}{
		{"the first of the programme", first, kindAudio, 0, 257},
		{"the pictures", first, kindVideo, 0, 256},
		{"the one that was", second, kindAudio, 259, 259},
		{"one that is no more", second, kindAudio, 300, 258},
		{"none", second, kindVideo, 256, 0},
	} {
		if got := pidOf(c.packets, c.kind, c.was); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestTimesAtTheWrap: ISO/IEC 13818-1 2.4.3.7: PTS begin anew before DTS do.
func TestTimesAtTheWrap(t *testing.T) {
	track, frames := samples.H264(t)
	e := mpegts.NewEncoder(av.Tracks{track})
	units, err := e.Encode(nil, frames[0])
	if err != nil {
		t.Fatal(err)
	}
	var key *mpegts.PESPacket
	var segment []byte
	for _, u := range units {
		segment = append(segment, u.Data...)
	}
	if err := mpegts.Demux(segment, func(p *mpegts.PESPacket) error { key = p; return nil }); err != nil || key == nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dts, pts int64
		want     time.Duration
	}{
		{1<<33 - 900, 900, 20 * time.Millisecond},
		{0, 1800, 20 * time.Millisecond},
		{1800, 0, -20 * time.Millisecond},
	} {
		var d decoder
		p := *key
		p.Data, p.DTS, p.PTS = bytes.Clone(key.Data), c.dts, c.pts
		d.packet(&p)
		if len(d.frames) != 2 {
			t.Fatalf("%d frames", len(d.frames))
		}
		if f := d.frames[1]; f.PTS-f.DTS != c.want {
			t.Errorf("DTS %d, PTS %d: %v later, want %v", c.dts, c.pts, f.PTS-f.DTS, c.want)
		}
	}
}

// TestDescribedOnce: an initialization section that comes with each segment does not undo what the pictures say of themselves.
func TestDescribedOnce(t *testing.T) {
	old, _ := samples.H264(t)
	present, frames := samples.H264Wide(t)
	sps, pps := setsOf(t, present)
	first := frames[0]
	inBand := append(append(slices.Clone(sps), pps...), first.Data...)
	var d decoder
	var configs int
	for range 2 { // segments
		d.begin()
		for _, data := range [][]byte{inBand, frames[1].Data} {
			d.describe(&old, 0)
			d.unit(av.CodecH264, bytes.Clone(data), 0, 0)
		}
		for _, f := range d.frames {
			if f.Kind == av.KindConfig {
				configs++
			}
		}
	}
	if configs != 2 {
		t.Errorf("%d changes, want that of the section and that of the pictures", configs)
	}
}

// setsOf are a track's parameter sets behind their lengths.
func setsOf(t *testing.T, track av.Track) (sps, pps []byte) {
	t.Helper()
	// ISO/IEC 14496-15 5.3.3.1: one of each, behind a length of 2 bytes.
	b := track.Config[6:]
	n := int(b[0])<<8 | int(b[1])
	sps = append([]byte{0, 0, b[0], b[1]}, b[2:2+n]...)
	b = b[2+n+1:]
	n = int(b[0])<<8 | int(b[1])
	return sps, append([]byte{0, 0, b[0], b[1]}, b[2:2+n]...)
}

// TestPicturesAndSoundTogether: pictures and sound of ffmpeg's are as far apart in every form of HLS, and with B pictures none is shown
// before it is decoded: edit lists and negative composition offsets (ISO/IEC 14496-12 8.6.6, 8.6.1.3) are kept to.
func TestPicturesAndSoundTogether(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), ffmpeg, append([]string{"-v", "error", "-nostdin"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-bf", "3", "-c:a", "aac", "film.mp4")
	film := []string{"-i", "film.mp4", "-c", "copy", "-f", "hls", "-hls_time", "10"}
	var apart, shown []time.Duration
	for _, form := range [][]string{
		nil,
		{"-hls_segment_type", "fmp4"},
		{"-hls_segment_type", "fmp4", "-hls_segment_options", "movflags=+negative_cts_offsets+frag_custom+dash+delay_moov"},
	} {
		run(slices.Concat(film, form, []string{"-y", "a.m3u8"})...)
		var d decoder
		var frames []*av.Frame
		if form == nil {
			frames, err = d.ts(contents(t, dir, "a0.ts"))
		} else {
			frames, err = d.mp4(contents(t, dir, "init.mp4"), contents(t, dir, "a0.m4s"))
		}
		if err != nil {
			t.Fatal(err)
		}
		picture, sound := -1, -1
		var times []time.Duration
		for i, f := range frames {
			switch {
			case f.Kind != av.KindMedia:
			case f.Codec.IsAudio() && sound < 0:
				sound = i
			case f.Codec.IsVideo():
				if picture < 0 {
					picture = i
				}
				if f.PTS < f.DTS {
					t.Errorf("a picture is shown at %v and decoded at %v", f.PTS, f.DTS)
				}
				times = append(times, f.PTS-frames[picture].PTS)
			}
		}
		apart = append(apart, frames[picture].PTS-frames[sound].PTS)
		if shown != nil && !slices.EqualFunc(times, shown, func(a, b time.Duration) bool { return (a - b).Abs() < time.Millisecond }) {
			t.Errorf("%v: pictures are shown at other times", form)
		}
		shown = times
	}
	for _, d := range apart {
		if (d - apart[0]).Abs() > 2*time.Millisecond {
			t.Errorf("pictures and sound are %v apart", apart)
		}
	}
}

func contents(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
