package fmp4

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"weir/mux/av"
	"weir/testdata/samples"
)

var update = flag.Bool("update", false, "write the golden file anew")

// ringTracks are those of a stream with a simulcast layer, as a ring has them.
func ringTracks() av.Tracks {
	main := videoTrack(1, pps)
	main.Width, main.Height, main.ClockRate = 640, 360, 90000
	layer := main
	layer.ID, layer.Layer = 3, "h"
	sound := opusTrack(2)
	sound.ClockRate = 48000
	return av.Tracks{main, sound, layer}
}

// ringFrames are frames of ringTracks in the order of a ring, at times that no media clock has.
func ringFrames() []*av.Frame {
	wall := time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)
	picture := []byte{0, 0, 0, 5, 0x65, 1, 2, 3, 4}
	other := []byte{0, 0, 0, 3, 0x41, 9, 9}
	at := func(track av.TrackID, codec av.Codec, dts, pts time.Duration, key bool, captured time.Time, data []byte) *av.Frame {
		return &av.Frame{Track: track, Codec: codec, Key: key, DTS: dts, PTS: pts, Wall: captured, Data: data}
	}
	change := ringTracks()[0]
	change.Width = 320
	return []*av.Frame{
		at(3, av.CodecH264, 1_000_000_007, 1_033_333_340, true, wall, picture),
		at(1, av.CodecH264, 1_000_000_007, 1_033_333_340, true, wall, picture), // shares the bytes
		at(2, av.CodecOpus, 990_000_001, 990_000_001, true, wall.Add(-10*time.Millisecond), []byte{1}),
		at(2, av.CodecOpus, 1_010_000_001, 1_010_000_001, true, wall.Add(10*time.Millisecond), []byte{2, 2}),
		at(3, av.CodecH264, 1_033_333_340, 1_020_000_000, false, wall.Add(-13_333_340), other),
		at(1, av.CodecH264, 1_033_333_340, 1_020_000_000, false, wall.Add(-13_333_340), other),
		at(2, av.CodecOpus, 1_030_000_003, 1_030_000_003, true, wall.Add(30*time.Millisecond+1), []byte{3}), // off by a nanosecond
		{Track: 1, Kind: av.KindConfig, Codec: av.CodecH264, DTS: 1_040_000_000, PTS: 1_040_000_000, Wall: wall, Config: &change},
		at(1, av.CodecH264, 1_066_666_671, 1_066_666_671, true, time.Time{}, []byte{0, 0, 0, 1, 0x65}), // of unknown capture
		{Track: 9, Kind: av.KindData, DTS: 1_070_000_000, PTS: 1_070_000_000, Wall: wall, Data: []byte{0, 255, 7}},
		{Track: 3, Kind: av.KindConfig, Codec: av.CodecH264, DTS: 1_080_000_000, PTS: 1_080_000_000},
		at(2, av.CodecOpus, 7_000_000_000, 7_000_000_000, true, wall.Add(6*time.Second), []byte{4}), // a hole longer than a sample can last
		at(2, av.CodecOpus, 1<<60, 1<<60, true, wall.Add(1<<60-time.Second), []byte{5}),
		at(1, av.CodecH264, 1<<60, 1<<60+4*time.Second, true, wall, []byte{0, 0, 0, 1, 0x65}),
		{Track: 2, Kind: av.KindMedia, Codec: av.CodecOpus, Key: true, DTS: 1<<60 + 1, PTS: 1<<60 + 1, Data: []byte{}},
	}
}

// demux reads all of a file, the frames that open it left out where it is a Muxer's.
func demux(t testing.TB, r io.Reader) (frames []*av.Frame, messages []*Message) {
	t.Helper()
	d := NewDemuxer(r)
	for {
		e, err := d.Next()
		if errors.Is(err, io.EOF) {
			return frames, messages
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Message != nil {
			messages = append(messages, e.Message)
			continue
		}
		frames = append(frames, e.Frame)
	}
}

func endless(t testing.TB, batch int) []byte {
	t.Helper()
	m := NewMuxer()
	b, err := m.AppendStart(nil, ringTracks())
	if err != nil {
		t.Fatal(err)
	}
	b = AppendMessage(b, &Message{Scheme: "urn:x", Value: "1", Time: 5, Data: []byte("hello")})
	for frames := ringFrames(); len(frames) > 0; {
		n := min(batch, len(frames))
		b = m.Append(b, frames[:n]...)
		frames = frames[n:]
	}
	return b
}

func sameFrame(a, b *av.Frame) bool {
	c, d := *a, *b
	c.Wall, d.Wall = time.Time{}, time.Time{}
	return a.Wall.Equal(b.Wall) && reflect.DeepEqual(c, d)
}

func TestEndlessIsWhatWasGiven(t *testing.T) {
	tracks := ringTracks()
	for _, batch := range []int{1, 2, 3, 100} {
		file := endless(t, batch)
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(file), "in bytes": iotest.OneByteReader(bytes.NewReader(file))} {
			frames, messages := demux(t, r)
			if len(messages) != 1 || messages[0].Scheme != "urn:x" || messages[0].Value != "1" || messages[0].Time != 5 || string(messages[0].Data) != "hello" {
				t.Fatalf("messages %+v", messages)
			}
			for i, f := range frames[len(tracks) : 2*len(tracks)] {
				if f.Config == nil || !f.Config.Same(&tracks[i]) {
					t.Errorf("track %d begins as %+v", i, f.Config)
				}
			}
			frames = frames[2*len(tracks):]
			want := ringFrames()
			if len(frames) != len(want) {
				t.Fatalf("batches of %d: %d frames, want %d", batch, len(frames), len(want))
			}
			for i := range want {
				if !sameFrame(frames[i], want[i]) {
					t.Errorf("%s, batches of %d, frame %d:\n%+v\n%+v", name, batch, i, frames[i], want[i])
				}
			}
			if batch > 1 && !sameBytes(frames[0].Data, frames[1].Data) {
				t.Error("the main video does not share the bytes of its layer")
			}
		}
	}
}

func TestEndlessWritesSharedBytesOnce(t *testing.T) {
	picture := bytes.Repeat([]byte{0xab}, 5000)
	layer := &av.Frame{Track: 3, Codec: av.CodecH264, Key: true, Data: picture}
	main := *layer
	main.Track = 1
	if b := NewMuxer().Append(nil, layer, &main); len(b) > 5500 {
		t.Errorf("%d bytes", len(b))
	}
}

func TestNTPHasNanoseconds(t *testing.T) {
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Unix(1, 999_999_999), time.Unix(1_795_435_200, 1), time.Unix(1_795_435_200, 123_456_789),
		time.Unix(2_085_978_495, 999_999_999), time.Unix(2_085_978_496, 5), // before and behind the wrap of 2036 (RFC 4330 3)
	} {
		if got := fromNTP(ntp(at)); !got.Equal(at) {
			t.Errorf("%v became %v", at, got)
		}
	}
}

func TestAppendStartWithoutTracks(t *testing.T) {
	if _, err := NewMuxer().AppendStart(nil, av.Tracks{{ID: 1, Codec: av.CodecH264}}); !errors.Is(err, ErrCodec) {
		t.Error(err)
	}
}

// TestEndlessGolden holds the bytes still: nodes of one version talk to those of the next.
func TestEndlessGolden(t *testing.T) {
	name := filepath.Join("testdata", "endless.mp4")
	got := endless(t, 4)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the bytes differ from %s; -update writes it anew", name)
	}
}

// TestEndlessIsRead has ffprobe count the frames of every track: of a file, and as they come.
func TestEndlessIsRead(t *testing.T) {
	ffprobe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Skip("ffprobe is not installed")
	}
	for name, m := range map[string]*Muxer{"a file": {}, "as it comes": {Plain: true}} {
		t.Run(name, func(t *testing.T) {
			b := simulcast(t, m)
			probe := exec.CommandContext(context.Background(), ffprobe, "-v", "error", "-count_frames", "-show_entries",
				"stream=codec_name,nb_read_frames", "-of", "csv=p=0")
			if m.Plain {
				probe.Args, probe.Stdin = append(probe.Args, "-"), bytes.NewReader(b)
			} else {
				file := filepath.Join(t.TempDir(), "endless.mp4")
				if err := os.WriteFile(file, b, 0o600); err != nil {
					t.Fatal(err)
				}
				probe.Args = append(probe.Args, file)
			}
			out, err := probe.CombinedOutput()
			if want := "hevc,60\nopus,60\nhevc,60"; err != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestPlainHasNothingUndescribed: what came, or became another codec, after the beginning is in no plain file; its configuration is.
func TestPlainHasNothingUndescribed(t *testing.T) {
	tracks := ringTracks()
	m := &Muxer{Plain: true}
	b, err := m.AppendStart(nil, tracks[:1])
	if err != nil {
		t.Fatal(err)
	}
	frame := func(id av.TrackID, c av.Codec, at time.Duration) *av.Frame {
		return &av.Frame{Track: id, Codec: c, Key: true, DTS: at, PTS: at, Data: []byte{0, 0, 0, 1, 0x65}}
	}
	late := &av.Frame{Track: 2, Kind: av.KindConfig, Codec: av.CodecOpus, DTS: 1, PTS: 1, Config: &tracks[1]}
	b = m.Append(b, frame(1, av.CodecH264, 0), late, frame(2, av.CodecOpus, 1), frame(1, av.CodecH264, 2), frame(1, av.CodecVP9, 3), frame(1, av.CodecH264, 4))
	frames, _ := demux(t, bytes.NewReader(b))
	var times []time.Duration
	configs := 0
	for _, f := range frames {
		switch {
		case f.Kind == av.KindConfig:
			configs++
		case f.Track != 1 || f.Codec != av.CodecH264:
			t.Errorf("a frame of track %d, %v", f.Track, f.Codec)
		default:
			times = append(times, f.DTS)
		}
	}
	if configs != 3 || len(times) != 3 {
		t.Errorf("%d configurations, pictures at %v", configs, times)
	}
}

// simulcast is a file with two seconds of a layer, the main video that has the same pictures, and sound.
func simulcast(t *testing.T, m *Muxer) []byte {
	t.Helper()
	video, pictures := samples.H265(t)
	video.ID, video.ClockRate = 1, 90000
	layer := video
	layer.ID, layer.Layer = 3, "h"
	b, err := m.AppendStart(nil, av.Tracks{video, opusTrack(2), layer})
	if err != nil {
		t.Fatal(err)
	}
	wall := time.Unix(1_795_435_200, 0)
	for i, p := range pictures {
		low, main := *p, *p
		at := time.Duration(i) * time.Second / 30
		low.Track, main.Track = 3, 1
		low.DTS, low.PTS, low.Wall = at, at, wall.Add(at)
		main.DTS, main.PTS, main.Wall = at, at, wall.Add(at)
		sound := &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Wall: wall.Add(at), Data: []byte{0xfc, 0xff, 0xfe}}
		b = m.Append(b, &low, &main, sound)
	}
	return b
}

// TestDemuxerReadsOthers has ffmpeg write the same pictures in its own ways, with an edit list (ISO/IEC 14496-12 8.6.6) where it is
// delayed: pictures and sound begin when ffprobe says that they do.
func TestDemuxerReadsOthers(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	for name, flags := range map[string]string{
		"default base is moof": "frag_keyframe+empty_moov+default_base_moof",
		"offsets in the file":  "frag_keyframe+empty_moov",
		"delayed":              "frag_keyframe+delay_moov",
		"separate moof":        "frag_keyframe+empty_moov+separate_moof",
		"negative offsets":     "frag_keyframe+empty_moov+negative_cts_offsets",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "other.mp4")
			args := []string{
				"-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2",
				"-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-g", "25", "-c:a", "aac", "-write_prft", "wallclock", "-movflags", flags, file,
			}
			if out, err := exec.CommandContext(context.Background(), ffmpeg, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			frames, _ := demux(t, bytes.NewReader(b))
			if name != "negative offsets" { // ffprobe shows those pictures later than the file says
				checkBegin(t, file, frames)
			}
			pictures, sounds, last := 0, 0, map[av.TrackID]time.Duration{}
			for _, f := range frames {
				if f.Kind == av.KindConfig {
					last[f.Track] = -time.Second
					if f.Codec == av.CodecH264 && (f.Config.Width != 160 || f.Config.Height != 90) || f.Codec == av.CodecAAC && f.Config.ClockRate != 44100 {
						t.Errorf("%+v", f.Config)
					}
					continue
				}
				if f.DTS <= last[f.Track] {
					t.Fatalf("track %d goes from %v to %v", f.Track, last[f.Track], f.DTS)
				}
				last[f.Track] = f.DTS
				if f.Codec == av.CodecH264 {
					if f.Key != (pictures%25 == 0) {
						t.Errorf("picture %d: key %v", pictures, f.Key)
					}
					pictures++
				} else {
					sounds++
				}
			}
			if pictures != 50 || sounds < 86 || sounds > 89 {
				t.Errorf("%d pictures, %d sounds", pictures, sounds)
			}
		})
	}
}

// checkBegin compares the time of the first frame of each track with what ffprobe reads.
func checkBegin(t *testing.T, file string, frames []*av.Frame) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "packet=stream_index,pts_time", "-of", "csv=p=0", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, id := range []av.TrackID{0, 1} {
		i := slices.IndexFunc(frames, func(f *av.Frame) bool { return f.Track == id && f.Kind == av.KindMedia })
		_, rest, _ := strings.Cut("\n"+string(out), fmt.Sprintf("\n%d,", id))
		line, _, _ := strings.Cut(rest, "\n")
		seconds, err := strconv.ParseFloat(strings.Trim(line, ","), 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := frames[i].PTS; (got - time.Duration(seconds*float64(time.Second))).Abs() > time.Millisecond {
			t.Errorf("track %d begins at %v, want %.3f s", id, got, seconds)
		}
	}
}

func TestDemuxerRefuses(t *testing.T) {
	box := func(kind string, size uint32, rest ...byte) []byte {
		return append([]byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size), kind[0], kind[1], kind[2], kind[3]}, rest...)
	}
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"nothing":                      {nil, io.EOF},
		"half a head":                  {[]byte{0, 0, 0}, io.ErrUnexpectedEOF},
		"a box without an end":         {box("mdat", 0), ErrFormat},
		"a box of seven bytes":         {box("free", 7), ErrFormat},
		"a large box that is too long": {box("free", 1, 0xff, 0, 0, 0, 0, 0, 0, 0), ErrFormat},
		"a moof of a gigabyte":         {box("moof", 1<<30), ErrFormat},
		"a box cut short":              {box("free", 99, 1), io.ErrUnexpectedEOF},
		"a message without a scheme":   {box("emsg", 32, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ErrFormat},
		"a frame that is none": {
			AppendMessage(nil, &Message{Scheme: frameScheme, Value: valueConfig, Data: []byte(`{"track":1}`)}), ErrFormat,
		},
		"a frame that cannot be read": {AppendMessage(nil, &Message{Scheme: frameScheme, Value: valueData, Data: []byte(`{`)}), ErrFormat},
	} {
		if _, err := NewDemuxer(bytes.NewReader(c.in)).Next(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestManyRuns: a moof box of a megabyte does not name a thousand million samples, not of a track either that nobody knows.
func TestManyRuns(t *testing.T) {
	const runs = 1000
	traf := appendFullBox(nil, boxHead+8, "tfhd", 0, 0)
	traf = append(traf, 0, 0, 0, 99)
	for range runs {
		traf = binary.BigEndian.AppendUint32(appendFullBox(traf, boxHead+8, "trun", 0, 0), maxSamples)
	}
	b := appendBox(nil, 2*boxHead+len(traf), "moof")
	b = append(appendBox(b, boxHead+len(traf), "traf"), traf...)
	if _, err := NewDemuxer(bytes.NewReader(b)).Next(); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// TestBoxesInBoxes: boxes that stand where none of their kind belongs are not followed down.
func TestBoxesInBoxes(t *testing.T) {
	b := append(appendFullBox(nil, boxHead+20, "mdhd", 0, 0), make([]byte, 16)...)
	b[boxHead+15] = 1 // the scale
	for range 1000 {
		b = append(appendBox(nil, boxHead+len(b), "minf"), b...)
	}
	var s source
	if s.media("mdia", b); s.scale != 0 {
		t.Error("a thousand boxes deep was looked")
	}
}

// FuzzDemuxer: whatever comes is refused or read within bounds; what is read can be written and read again.
func FuzzDemuxer(f *testing.F) {
	f.Add(endless(f, 100))
	f.Add(endless(f, 1))
	f.Add(film0())
	for _, b := range [][]byte{nil, {0, 0, 0, 8, 'm', 'd', 'a', 't'}, AppendMessage(nil, &Message{Scheme: frameScheme, Value: valueEnd, Data: []byte(`{"track":3}`)})} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDemuxer(bytes.NewReader(b))
		for total := 0; ; {
			e, err := d.Next()
			if err != nil {
				return
			}
			if (e.Frame == nil) == (e.Message == nil) {
				t.Fatal("neither a frame nor a message, or both")
			}
			if e.Frame != nil && e.Frame.Kind == av.KindMedia {
				if total += len(e.Frame.Data); len(e.Frame.Data) > len(b) {
					t.Fatal("more bytes than there are")
				}
			}
		}
	})
}

// film0 is what other outputs write: an init section and parts.
func film0() []byte {
	b, _ := Init(av.Tracks{videoTrack(0, pps), opusTrack(1)})
	for _, c := range casesPart {
		b = AppendPart(b, c.part)
	}
	return b
}

func TestMuxerAllocs(t *testing.T) {
	m := NewMuxer()
	var frames []*av.Frame
	for i := range 6 {
		at := time.Duration(i) * 33 * time.Millisecond
		frames = append(frames, &av.Frame{Track: 1, Codec: av.CodecH264, DTS: at, PTS: at, Data: make([]byte, 4000)},
			&av.Frame{Track: 2, Codec: av.CodecOpus, DTS: at, PTS: at, Key: true, Data: make([]byte, 160)})
	}
	room := make([]byte, 0, 64<<10)
	if n := testing.AllocsPerRun(100, func() { m.Append(room, frames...) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// BenchmarkEndless is a batch of a second's fiftieth on its way: a picture and a packet of sound.
func BenchmarkEndless(b *testing.B) {
	m := NewMuxer()
	frames := []*av.Frame{
		{Track: 1, Codec: av.CodecH264, Data: make([]byte, 8300)}, {Track: 2, Codec: av.CodecOpus, Key: true, Data: make([]byte, 160)},
	}
	room := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	b.SetBytes(8460)
	for b.Loop() {
		for _, f := range frames {
			f.DTS += 20 * time.Millisecond
			f.PTS = f.DTS
		}
		m.Append(room, frames...)
	}
}

func TestDemuxerAllocs(t *testing.T) {
	m := NewMuxer()
	b, err := m.AppendStart(nil, ringTracks())
	if err != nil {
		t.Fatal(err)
	}
	head, f := len(b), &av.Frame{Track: 1, Codec: av.CodecH264, Data: make([]byte, 4000)}
	const fragments = 200
	for range fragments {
		f.DTS += 20 * time.Millisecond
		f.PTS = f.DTS
		b = m.Append(b, f)
	}
	d := NewDemuxer(bytes.NewReader(b))
	for d.pos < int64(head) {
		if _, err := d.Next(); err != nil {
			t.Fatal(err)
		}
	}
	// The moof, the data, and the frames of a fragment.
	n := testing.AllocsPerRun(fragments-10, func() {
		if _, err := d.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if n > 6 {
		t.Errorf("%v allocations a fragment, want 6 at most", n)
	}
}
