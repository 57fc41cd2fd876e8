package segmenter

import (
	"slices"
	"testing"
	"time"

	"weir/mux/av"
)

func durations(segments []*Segment) (ds []time.Duration) {
	for _, s := range segments {
		ds = append(ds, s.Duration.Round(time.Millisecond))
	}
	return ds
}

func ms(v ...int) (ds []time.Duration) {
	for _, d := range v {
		ds = append(ds, time.Duration(d)*time.Millisecond)
	}
	return ds
}

func TestCuts(t *testing.T) {
	sound := func(from, to time.Duration) (fs []*av.Frame) {
		for at := from; at < to; at += 20 * time.Millisecond {
			fs = append(fs, audio(at))
		}
		return fs
	}
	cases := []struct {
		name   string
		tracks av.Tracks
		frames []*av.Frame
		want   []time.Duration
		forced int
		breaks []bool // which segments begin with a discontinuity
	}{
		{"group of 2 s", bothTracks(), camera(0, 7*time.Second, 30, 60), ms(2000, 2000, 2000), 0, nil},
		{"group of 1 s", bothTracks(), camera(0, 7*time.Second, 30, 30), ms(2000, 2000, 2000), 0, nil},
		{"group of 0.9 s: rather 1.8 s than past the limit", bothTracks(), camera(0, 6*time.Second, 30, 27), ms(1800, 1800, 1800), 0, nil},
		{"HL-02 group of 10 s that nobody can cut", bothTracks(), camera(0, 10*time.Second, 30, 300), ms(2480, 2487, 2493, 2480), 4, nil},
		{"sound alone", av.Tracks{audioTrack()}, sound(0, 5*time.Second), ms(2000, 2000), 0, nil},
		{
			"publisher gone for 5 s", bothTracks(),
			append(camera(0, 3*time.Second, 25, 50), camera(8*time.Second, 11*time.Second, 25, 50)...),
			ms(2000, 1000, 2000), 0,
			[]bool{false, false, true},
		},
		{
			"no picture for 7 s, sound goes on", bothTracks(),
			append(append(camera(0, 3*time.Second, 25, 50), sound(3*time.Second, 10*time.Second)...), camera(10*time.Second, 11*time.Second, 25, 50)...),
			ms(2000, 2480, 2480, 2480), 3, nil,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			closed, _, forced := feed(t, startBuilder(t, c.tracks), c.frames...)
			if got := durations(closed); !slices.Equal(got, c.want) {
				t.Errorf("durations %v, want %v", got, c.want)
			}
			if forced != c.forced {
				t.Errorf("%d forced cuts, want %d", forced, c.forced)
			}
			for i, s := range closed {
				if want := i < len(c.breaks) && c.breaks[i]; s.Discontinuity != want {
					t.Errorf("HL-05: segment %d: discontinuity %v, want %v", i, s.Discontinuity, want)
				}
			}
			checkParts(t, closed)
		})
	}
}

func TestChangeOfTrack(t *testing.T) {
	b := startBuilder(t, bothTracks())
	frames := slices.Concat(
		camera(0, 3*time.Second, 25, 50),
		[]*av.Frame{config(videoTrack(), 3*time.Second)}, // the same again
		camera(3*time.Second, 4*time.Second, 25, 50),
		[]*av.Frame{config(largerTrack(), 4*time.Second), audio(4 * time.Second), video(4*time.Second+time.Millisecond, false)},
		camera(4*time.Second+40*time.Millisecond, 9*time.Second, 25, 50),
	)
	closed, asked, _ := feed(t, b, frames...)
	want := ms(2000, 2040, 2000, 2000)
	if got := durations(closed); !slices.Equal(got, want) {
		t.Fatalf("durations %v, want %v", got, want)
	}
	for i, s := range closed {
		if s.Discontinuity != (i == 2) {
			t.Errorf("HL-05: segment %d: discontinuity %v", i, s.Discontinuity)
		}
	}
	before, after := closed[1].Init, closed[2].Init
	if before != closed[0].Init {
		t.Error("HL-33: another init section although nothing changed")
	}
	if before.Name == after.Name || after.Width != 1280 || before.Width != 640 {
		t.Errorf("HL-33: init sections %s (%d wide), then %s (%d wide)", before.Name, before.Width, after.Name, after.Width)
	}
	if !slices.Contains(asked, 4*time.Second+time.Millisecond) {
		t.Error("a picture that nothing decodes asked for no key frame")
	}
	for _, s := range samples(t, closed, videoID) {
		if s.data == "v4.001s" {
			t.Error("a picture that nothing decodes was written")
		}
	}
	contiguous(t, "audio", samples(t, closed, audioID))
}

func TestTrackAppearsLater(t *testing.T) {
	b := startBuilder(t, av.Tracks{audioTrack()})
	var frames []*av.Frame
	for at := time.Duration(0); at < 3*time.Second; at += 20 * time.Millisecond {
		frames = append(frames, audio(at))
	}
	frames = append(frames, config(videoTrack(), 3*time.Second))
	frames = append(frames, camera(3*time.Second, 6*time.Second, 25, 50)...)
	closed, _, _ := feed(t, b, frames...)
	want := ms(2000, 1000, 2000)
	if got := durations(closed); !slices.Equal(got, want) {
		t.Fatalf("durations %v, want %v", got, want)
	}
	if closed[0].Init.Codecs != "opus" || closed[2].Init.Codecs != "avc1.42c01e,opus" || !closed[2].Discontinuity {
		t.Errorf("codecs %q, then %q; discontinuity %v", closed[0].Init.Codecs, closed[2].Init.Codecs, closed[2].Discontinuity)
	}
	contiguous(t, "audio", samples(t, closed, audioID))
}

// over says that a track is over.
func over(id av.TrackID, at time.Duration) *av.Frame {
	return &av.Frame{Track: id, Kind: av.KindConfig, DTS: at, PTS: at}
}

// only keeps the frames of a track.
func only(id av.TrackID, frames []*av.Frame) []*av.Frame {
	return slices.DeleteFunc(frames, func(f *av.Frame) bool { return f.Track != id })
}

// TestTracksComeAndGo is HL-05, HL-33: one discontinuity with another init section where a track comes or goes, none
// where it is back before anything else came, and no frame lost that can be decoded.
func TestTracksComeAndGo(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name   string
		tracks av.Tracks
		frames []*av.Frame
		codecs []string // of each run between two discontinuities
		lost   int
	}{
		{"video goes", bothTracks(), slices.Concat(
			camera(0, 3*s, 25, 50), []*av.Frame{over(videoID, 3*s)}, only(audioID, camera(3*s, 8*s, 25, 50)),
		), []string{"avc1.42c01e,opus", "opus"}, 0},
		{"video goes and comes back", bothTracks(), slices.Concat(
			camera(0, 3*s, 25, 50), []*av.Frame{over(videoID, 3*s)}, only(audioID, camera(3*s, 8*s, 25, 50)),
			[]*av.Frame{config(videoTrack(), 8*s)}, camera(8*s, 13*s, 25, 50),
		), []string{"avc1.42c01e,opus", "opus", "avc1.42c01e,opus"}, 0},
		{"video comes back with a picture that is no key frame", bothTracks(), slices.Concat(
			camera(0, 3*s, 25, 50), []*av.Frame{over(videoID, 3*s)}, only(audioID, camera(3*s, 8*s, 25, 50)),
			[]*av.Frame{config(videoTrack(), 8*s), video(8*s-20*time.Millisecond, false)}, camera(8*s, 13*s, 25, 50),
		), []string{"avc1.42c01e,opus", "opus", "avc1.42c01e,opus"}, 1},
		{"video appears", av.Tracks{audioTrack()}, slices.Concat(
			only(audioID, camera(0, 3*s, 25, 50)), []*av.Frame{config(videoTrack(), 3*s)}, camera(3*s, 8*s, 25, 50),
		), []string{"opus", "avc1.42c01e,opus"}, 0},
		{"sound goes: it waits for a key frame", bothTracks(), slices.Concat(
			camera(0, 3*s, 25, 50), []*av.Frame{over(audioID, 3*s)}, only(videoID, camera(0, 8*s, 25, 50))[75:],
		), []string{"avc1.42c01e,opus", "avc1.42c01e"}, 0},
		{"video is over and back at once", bothTracks(), slices.Concat(
			camera(0, 2*s, 25, 50), []*av.Frame{over(videoID, 2*s), config(videoTrack(), 2*s)}, camera(2*s, 8*s, 25, 50),
		), []string{"avc1.42c01e,opus"}, 0},
		{"all goes, and other sound comes", bothTracks(), slices.Concat(
			camera(0, 2*s, 25, 50), []*av.Frame{over(videoID, 2*s), over(audioID, 2*s), config(audioTrack(), 3*s)},
			only(audioID, camera(3*s, 8*s, 25, 50)),
		), []string{"avc1.42c01e,opus", "opus"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := startBuilder(t, c.tracks)
			closed, _, forced := feed(t, b, c.frames...)
			closed = append(closed, b.finish())
			checkParts(t, closed)
			var codecs []string
			for i, g := range closed {
				if i == 0 || g.Discontinuity {
					codecs = append(codecs, g.Init.Codecs)
				} else if g.Init != closed[i-1].Init {
					t.Errorf("HL-05: segment %d has another init section and no discontinuity", i)
				}
				if i > 0 && g.Sequence != closed[i-1].Sequence+1 {
					t.Errorf("HL-03: number %d behind %d", g.Sequence, closed[i-1].Sequence)
				}
				if !g.Independent {
					t.Errorf("segment %d cannot be played from its begin", i)
				}
			}
			if !slices.Equal(codecs, c.codecs) || forced != 0 {
				t.Errorf("runs of %q, %d forced cuts; want %q", codecs, forced, c.codecs)
			}
			media := 0
			for _, f := range c.frames {
				if f.Kind == av.KindMedia {
					media++
				}
			}
			if got := len(samples(t, closed, videoID)) + len(samples(t, closed, audioID)); got != media-c.lost {
				t.Errorf("%d samples of %d frames, %d may be lost", got, media, c.lost)
			}
		})
	}
}

func TestChangeOfSound(t *testing.T) {
	mono := audioTrack()
	mono.Channels, mono.Config = 1, append(append([]byte{}, mono.Config[:9]...), append([]byte{1}, mono.Config[10:]...)...)
	b := startBuilder(t, bothTracks())
	frames := camera(0, time.Second, 25, 50)
	frames = append(frames, config(mono, time.Second), audio(time.Second))
	closed, asked, _ := feed(t, b, frames...)
	if len(closed) != 1 || len(asked) != 1 {
		t.Fatalf("%d segments, %d key frames asked for; want 1 and 1", len(closed), len(asked))
	}
	if _, again, _ := feed(t, b, video(time.Second+10*time.Millisecond, false)); len(again) != 1 {
		t.Error("a picture that cannot begin anew is taken")
	}
	more, _, _ := feed(t, b, camera(time.Second+20*time.Millisecond, 4*time.Second, 25, 50)...)
	if !more[0].Discontinuity || more[0].Init == closed[0].Init {
		t.Error("HL-05: the sound changed without a discontinuity and a new init section")
	}
	if vs := samples(t, more[:1], videoID); !more[0].Independent || !vs[0].key {
		t.Error("the pictures do not begin with a key frame")
	}
}

// TestChangeOfSoundAtAKeyFrame: the key frame whose duration is not known yet begins the new pictures.
func TestChangeOfSoundAtAKeyFrame(t *testing.T) {
	mono := audioTrack()
	mono.Channels, mono.Config = 1, append(append([]byte{}, mono.Config[:9]...), append([]byte{1}, mono.Config[10:]...)...)
	b := startBuilder(t, bothTracks())
	frames := slices.Concat(camera(0, 2*time.Second, 25, 50), []*av.Frame{config(mono, 2*time.Second)}, camera(2*time.Second, 6*time.Second, 25, 50))
	closed, asked, _ := feed(t, b, frames...)
	if len(asked) != 0 || len(closed) < 2 {
		t.Fatalf("%d segments, %d key frames asked for", len(closed), len(asked))
	}
	for _, g := range closed {
		if !g.Independent {
			t.Errorf("segment %d cannot be played from its begin", g.Sequence)
		}
	}
	if n := len(samples(t, append(closed, b.finish()), videoID)); n != 150 {
		t.Errorf("%d of 150 pictures", n)
	}
}

func TestLag(t *testing.T) {
	b := startBuilder(t, bothTracks())
	closed, _, _ := feed(t, b, camera(0, 3*time.Second, 25, 50)...)
	last, err := b.restart(bothTracks())
	if err != nil || last == nil {
		t.Fatalf("segment %v, error %v", last, err)
	}
	more, _, _ := feed(t, b, append([]*av.Frame{audio(20 * time.Second), video(20*time.Second, false)}, camera(21*time.Second, 24*time.Second, 25, 50)...)...)
	closed = append(append(closed, last), more...)
	if got, want := durations(closed), ms(2000, 1000, 2000); !slices.Equal(got, want) {
		t.Fatalf("durations %v, want %v", got, want)
	}
	if !closed[2].Discontinuity || closed[2].Start != 21*time.Second || !closed[2].Independent {
		t.Errorf("after the lag: %+v", closed[2])
	}
}

func TestUnsupportedTrackIsLeftOut(t *testing.T) {
	b := startBuilder(t, av.Tracks{{ID: videoID, Codec: av.CodecNone}, audioTrack()})
	if len(b.tracks) != 1 || b.cut.video {
		t.Fatalf("%d tracks", len(b.tracks))
	}
	closed, _, _ := feed(t, b, camera(0, 3*time.Second, 25, 50)...)
	if len(closed) != 1 || len(samples(t, closed, videoID)) != 0 {
		t.Errorf("%d segments", len(closed))
	}
}

func TestBadConfigIsAnError(t *testing.T) {
	b := newBuilder("x", 0, wall0, 2*time.Second, 200*time.Millisecond)
	bad := videoTrack()
	bad.Config = []byte{1, 2, 3}
	if _, err := b.restart(av.Tracks{bad}); err == nil {
		t.Fatal("no error")
	}
	if closed, _, _ := feed(t, b, camera(0, 3*time.Second, 25, 50)...); len(closed) != 0 {
		t.Errorf("%d segments of a track that cannot be described", len(closed))
	}
}

func TestProgramDateTime(t *testing.T) {
	b := startBuilder(t, av.Tracks{videoTrack()})
	var frames []*av.Frame
	for i := range 300 {
		f := video(time.Duration(i)*40*time.Millisecond, i%50 == 0)
		switch {
		case i < 100:
			f.Wall = wall0.Add(f.DTS + time.Duration(i)*time.Millisecond) // drifts by 50 ms a segment
		case i < 200:
			f.Wall = wall0.Add(f.DTS + time.Minute) // the clock was set
		default:
			f.Wall = wall0 // and set back
		}
		frames = append(frames, f)
	}
	closed, _, _ := feed(t, b, frames...)
	var got []time.Duration
	for _, s := range closed {
		got = append(got, s.ProgramDateTime.Sub(wall0))
	}
	want := ms(0, 2000, 64000, 66000, 68000)
	if !slices.Equal(got, want) {
		t.Errorf("HL-06: %v, want %v", got, want)
	}
}

func TestProgramDateTimeOfFramesWithoutWall(t *testing.T) {
	b := startBuilder(t, av.Tracks{videoTrack()})
	for i := range 60 {
		f := video(time.Duration(i+10)*40*time.Millisecond, i%50 == 0)
		f.Wall = time.Time{}
		if o, _ := b.push(f); o.closed != nil {
			if got, want := o.closed.ProgramDateTime, wall0.Add(400*time.Millisecond); !got.Equal(want) {
				t.Errorf("%v, want %v", got, want)
			}
			return
		}
	}
	t.Fatal("no segment")
}

// HL-12 in outline: parts last about the part target, the last of a segment what is left.
func TestParts(t *testing.T) {
	closed, _, _ := feed(t, startBuilder(t, bothTracks()), camera(0, 5*time.Second, 25, 50)...)
	for _, s := range closed {
		if len(s.Parts) != 10 {
			t.Errorf("%d parts of %v", len(s.Parts), s.Duration)
		}
		for i, p := range s.Parts {
			if p.Duration != 200*time.Millisecond {
				t.Errorf("part %d lasts %v", i, p.Duration)
			}
			if p.Independent != (i == 0) {
				t.Errorf("HL-14: part %d: independent %v", i, p.Independent)
			}
		}
	}
}

// contiguous fails unless each sample ends where the next begins.
func contiguous(t testing.TB, name string, all []sample) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		if end := all[i-1].dts + all[i-1].duration; end != all[i].dts {
			t.Fatalf("%s: sample %d ends at %d, the next begins at %d", name, i-1, end, all[i].dts)
		}
	}
}
