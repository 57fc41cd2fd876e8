package segmenter

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/mux/av"
)

// publisher draws what a publisher may send: uneven pictures, key frames at will, sound with or without, changes of
// size, and silences.
func publisher(t *rapid.T) (ts av.Tracks, frames []*av.Frame) {
	withSound := rapid.Bool().Draw(t, "sound")
	ts = av.Tracks{videoTrack()}
	if withSound {
		ts = bothTracks()
	}
	at := time.Duration(rapid.IntRange(0, 1000).Draw(t, "start")) * time.Millisecond
	sound := at + time.Duration(rapid.IntRange(-100, 100).Draw(t, "skew")+100)*time.Millisecond
	size := []av.Track{videoTrack(), largerTrack()}
	for i := range rapid.IntRange(1, 400).Draw(t, "pictures") {
		key := i == 0 || rapid.IntRange(0, 40).Draw(t, "key") == 0
		if key && rapid.IntRange(0, 9).Draw(t, "change") == 0 {
			size[0], size[1] = size[1], size[0]
			frames = append(frames, config(size[0], at))
		}
		frames = append(frames, video(at, key))
		for ; withSound && sound < at; sound += 20 * time.Millisecond {
			frames = append(frames, audio(sound))
		}
		step := time.Duration(rapid.IntRange(1, 120_000).Draw(t, "step")) * time.Microsecond
		if rapid.IntRange(0, 99).Draw(t, "silence") == 0 {
			step = time.Duration(rapid.IntRange(100, 6000).Draw(t, "silent")) * time.Millisecond
			sound += step - step%(20*time.Millisecond)
		}
		at += step
	}
	return ts, frames
}

func TestBuilderProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ts, frames := publisher(rt)
		b := startBuilder(rt, ts)
		closed, _, _ := feed(rt, b, frames...)
		if last := b.finish(); last != nil {
			closed = append(closed, last)
		}
		checkParts(rt, closed)
		checkNames(rt, closed)
		checkTimes(rt, closed)
		for _, tr := range ts {
			checkSamples(rt, closed, tr, frames)
		}
	})
}

func checkNames(t *rapid.T, closed []*Segment) {
	seen := make(map[string]bool)
	for i, s := range closed {
		if seen[s.Name] {
			t.Fatalf("the name %s twice", s.Name)
		}
		seen[s.Name] = true
		if want := uint64(1000 + i); s.Sequence != want {
			t.Fatalf("HL-03: sequence number %d, want %d", s.Sequence, want)
		}
	}
}

func checkTimes(t *rapid.T, closed []*Segment) {
	for i, s := range closed {
		if s.Duration <= 0 || s.Duration.Round(time.Second) > 2*time.Second {
			t.Fatalf("HL-02: segment %d lasts %v", i, s.Duration)
		}
		if i == 0 {
			continue
		}
		before := closed[i-1]
		if !s.ProgramDateTime.After(before.ProgramDateTime) {
			t.Fatalf("HL-06: segment %d at %v, the one before at %v", i, s.ProgramDateTime, before.ProgramDateTime)
		}
		if !s.Discontinuity && (s.Init != before.Init || s.Start != before.Start+before.Duration) {
			t.Fatalf("HL-05: segment %d breaks with the one before without a discontinuity", i)
		}
	}
}

// checkSamples compares what is in the segments with the frames that were written: all of them, in order, at their
// times, and without a hole but at discontinuities.
func checkSamples(t *rapid.T, closed []*Segment, tr av.Track, frames []*av.Frame) {
	var want []*av.Frame
	for _, f := range frames {
		if f.Kind == av.KindMedia && f.Track == tr.ID {
			want = append(want, f)
		}
	}
	got := samples(t, closed, tr.ID)
	if len(got) != len(want) {
		t.Fatalf("%v: %d samples, %d frames", tr.Codec, len(got), len(want))
	}
	breaks := slices.ContainsFunc(closed, func(s *Segment) bool { return s.Discontinuity })
	for i, s := range got {
		f := want[i]
		if s.data != string(f.Data) || s.key != f.Key || s.dts != av.Ticks(f.DTS, tr.ClockRate) {
			t.Fatalf("%v: sample %d is %+v, want %s at %v", tr.Codec, i, s, f.Data, f.DTS)
		}
		if i > 0 && !breaks && got[i-1].dts+got[i-1].duration != s.dts {
			t.Fatalf("%v: hole before sample %d", tr.Codec, i)
		}
	}
}
