package pull

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/mux/av"
	"weir/testdata"
)

// segments has ffmpeg make HLS of the sample, with segments of two seconds, and returns the folder.
func segments(t *testing.T, args ...string) string {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	dir := t.TempDir()
	all := append([]string{
		"-loglevel", "error", "-framerate", "30", "-i", testdata.Path("bars-360p.h264"), "-i", testdata.Path("tone.aac"), "-c", "copy",
		"-t", "12", "-hls_time", "2", "-hls_list_size", "0",
	}, args...)
	cmd := exec.CommandContext(t.Context(), ffmpeg, all...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	return dir
}

// TestHLS: what ffmpeg makes comes as it was, in time.
func TestHLS(t *testing.T) {
	t.Parallel()
	_, all := reel(t)
	muxed := []string{"-map", "0:v", "-map", "1:a"}
	for _, c := range []struct {
		name, list string
		args       []string
	}{
		{"transport stream", "a.m3u8", append(muxed, "-f", "hls", "a.m3u8")},
		{"fragmented MP4", "a.m3u8", append(muxed, "-f", "hls", "-bsf:a", "aac_adtstoasc", "-hls_segment_type", "fmp4", "a.m3u8")},
		{"one file, by ranges", "a.m3u8", append(muxed, "-f", "hls", "-bsf:a", "aac_adtstoasc", "-hls_segment_type", "fmp4", "-hls_flags", "single_file", "a.m3u8")},
		{"sound apart", "all.m3u8", []string{
			"-map", "0:v", "-map", "1:a", "-f", "hls", "-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes",
			"-master_pl_name", "all.m3u8", "a%v.m3u8",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := segments(t, c.args...)
			files := http.FileServer(http.Dir(dir))
			g := newGround(t, nil, always(serve(t, files.ServeHTTP)+"/"+c.list))
			begun := time.Now()
			got := g.watch(300)
			same(t, got, all)
			last := got[len(got)-1]
			// Sooner than its times say it must not come, but for the pause before the reader was there.
			if took := time.Since(begun); took < (last.DTS-got[0].DTS)-2*time.Second {
				t.Errorf("%v of media came within %v", last.DTS-got[0].DTS, took)
			}
		})
	}
}

// window makes live playlists of one that ffmpeg made.
type window struct {
	lines []string // two of each segment
}

func newWindow(t *testing.T, dir string) *window {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "a.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	w := new(window)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#EXTINF") || line[0] != '#' {
			w.lines = append(w.lines, line)
		}
	}
	return w
}

// playlist has four segments behind first, for ever: their numbers go on while the media begins anew.
func (w *window) playlist(first int) string {
	n := len(w.lines) / 2
	var out strings.Builder
	fmt.Fprintf(&out, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", first, max(0, first-1)/n)
	for i := first; i < first+4; i++ {
		if i > 0 && i%n == 0 {
			out.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		out.WriteString(w.lines[2*(i%n)] + w.lines[2*(i%n)+1])
	}
	return out.String()
}

// TestLiveHLS: a live playlist is followed from near its end on, through a loop of its media, and DTS rise.
func TestLiveHLS(t *testing.T) {
	dir := segments(t, "-map", "0:v", "-map", "1:a", "-f", "hls", "a.m3u8")
	begun := time.Now()
	w := newWindow(t, dir)
	from := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a.m3u8" {
			http.ServeFile(rw, r, filepath.Join(dir, filepath.Base(r.URL.Path)))
			return
		}
		_, _ = rw.Write([]byte(w.playlist(3 + int(time.Since(begun)/(2*time.Second)))))
	})
	g := newGround(t, nil, always(from+"/a.m3u8"))
	got := g.watch(600) // eight seconds, the loop among them
	var last [3]time.Duration
	for _, f := range got {
		if d := f.DTS - last[f.Track]; last[f.Track] != 0 && (d <= 0 || d > 2*time.Second) {
			t.Errorf("track %d: %v behind %v", f.Track, f.DTS, last[f.Track])
		}
		last[f.Track] = f.DTS
	}
	if now := g.status(); now.Tries != 1 {
		t.Errorf("the status is %+v", now)
	}
}

// TestHLSWithHoles: a segment that is missing is passed over, and pictures go on with a key frame.
func TestHLSWithHoles(t *testing.T) {
	dir := segments(t, "-map", "0:v", "-map", "1:a", "-f", "hls", "a.m3u8")
	if err := os.Remove(filepath.Join(dir, "a1.ts")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a2.ts"), make([]byte, 188), 0o600); err != nil {
		t.Fatal(err)
	}
	var lists atomic.Int32
	files := http.FileServer(http.Dir(dir))
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".m3u8") {
			lists.Add(1)
		}
		files.ServeHTTP(w, r)
	})
	g := newGround(t, nil, always(from+"/a.m3u8"))
	g.failed(ErrFormat) // a segment that is there and is no media ends the connection
	await(t, "it is asked again", func() bool { return lists.Load() > 1 })
}

// TestHLSToTheEnd: a playlist that has ended is played to its last frame, with sound in a playlist of its own too, and then from
// its beginning again.
func TestHLSToTheEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, list string
		args       []string
	}{
		{"muxed", "a.m3u8", []string{"-map", "0:v", "-map", "1:a", "-f", "hls", "a.m3u8"}},
		{"sound apart", "all.m3u8", []string{
			"-map", "0:v", "-map", "1:a", "-f", "hls", "-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes",
			"-master_pl_name", "all.m3u8", "a%v.m3u8",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, all := reel(t)
			want := slices.IndexFunc(all, func(f *av.Frame) bool { return f.DTS >= 5*time.Second })
			dir := segments(t, append([]string{"-t", "5"}, c.args...)...)
			g := newGround(t, nil, always(serve(t, http.FileServer(http.Dir(dir)).ServeHTTP)+"/"+c.list))
			got := g.watch(want + 100)
			same(t, got[:want-2], all) // ffmpeg cuts sound a packet off
			again := slices.IndexFunc(got[1:], func(f *av.Frame) bool { return bytes.Equal(f.Data, got[0].Data) }) + 1
			if again < want-2 || again > want+2 {
				t.Errorf("it began again behind %d frames of %d", again, want)
			}
		})
	}
}

// TestLiveHLSEnds: of a live playlist that ended nothing is played again, though it is there for a while; what begins anew at
// its address is.
func TestLiveHLSEnds(t *testing.T) {
	t.Parallel()
	dir := segments(t, "-map", "0:v", "-map", "1:a", "-f", "hls", "a.m3u8")
	w := newWindow(t, dir)
	live := w.playlist(0)
	var asked atomic.Int32
	var list atomic.Pointer[string]
	list.Store(&live)
	from := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a.m3u8" {
			http.ServeFile(rw, r, filepath.Join(dir, filepath.Base(r.URL.Path)))
			return
		}
		asked.Add(1)
		_, _ = rw.Write([]byte(*list.Load()))
	})
	g := newGround(t, nil, always(from+"/a.m3u8"))
	first := g.watch(1)[0]
	ended := live + "#EXT-X-ENDLIST\n"
	list.Store(&ended)
	g.failed(ErrOver)
	frames := g.status().Frames
	if frames < 3*60+3*90 {
		t.Errorf("%d frames came of three segments", frames)
	}
	before := asked.Load()
	await(t, "it is asked again and again", func() bool { return asked.Load() >= before+5 })
	if now := g.status(); now.Frames != frames || now.Reason != "over" {
		t.Errorf("behind %d frames it is %+v", frames, now)
	}
	anew := strings.ReplaceAll(live, "\na", "\nanew/a")
	list.Store(&anew)
	await(t, "it is played again", func() bool { return g.status().Frames > frames+10 })
	for i, f := range g.watch(int(frames) + 10)[1:] {
		if f.Key && f.Codec.IsVideo() && bytes.Equal(f.Data, first.Data) && i < int(frames)-1 {
			t.Errorf("frame %d is the first one again", i+1)
		}
	}
}
