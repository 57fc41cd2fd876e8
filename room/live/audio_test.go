package live

import (
	"context"
	"errors"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/transcode"
)

// aacOf is AAC of a rate and channels.
func aacOf(rate, channels int) av.Track {
	return av.Track{ID: 2, Codec: av.CodecAAC, ClockRate: uint32(rate), Channels: channels, Config: aac.AppendConfig(nil, rate, channels)}
}

// silentUnit is a stereo AAC access unit of silence, as an encoder makes it.
func silentUnit(t testing.TB) []byte {
	t.Helper()
	x, err := transcode.NewOpusToAAC()
	if err != nil {
		t.Skip(err) // built without the transcoder
	}
	var units []transcode.Packet
	for i := 0; len(units) == 0; i++ {
		if units, err = x.Push(units, transcode.Packet{PTS: time.Second + time.Duration(i)*20*ms, Data: []byte{0xfc, 0xff, 0xfe}}); err != nil {
			t.Fatal(err)
		}
	}
	return units[0].Data
}

// TestOpusOfAAC: a stream whose publisher sends AAC can be had with Opus, its picture untouched.
func TestOpusOfAAC(t *testing.T) {
	unit := silentUnit(t)
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 2})
	mustWrite(t, p, config(videoTrack, 0), config(aacOf(44100, 2), 0))
	picture := video(0, true)
	mustWrite(t, p, picture)
	source, err := p.Stream().WithAudio(av.CodecOpus)
	if err != nil {
		t.Fatal(err)
	}
	r := source.NewReader(ReaderOptions{Name: "test", Start: StartOldest})
	defer r.Close()
	for i := range 20 {
		mustWrite(t, p, &av.Frame{Track: 2, Codec: av.CodecAAC, Key: true, DTS: time.Duration(i)*23*ms + time.Second, PTS: time.Duration(i)*23*ms + time.Second, Data: unit})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var batch [4]Frame
	sounds, pictures, last := 0, 0, time.Duration(0)
	for sounds < 15 {
		n, err := r.ReadBatch(ctx, batch[:])
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range batch[:n] {
			switch {
			case f.Frame == picture:
				pictures++
			case f.Kind == av.KindMedia && f.Codec == av.CodecOpus && f.DTS > last:
				sounds, last = sounds+1, f.DTS
			case f.Kind == av.KindMedia:
				t.Fatalf("got %+v", f.Frame)
			}
		}
	}
	if a := r.Tracks().Audio(); a.Codec != av.CodecOpus || a.ClockRate != 48000 || a.Channels != 2 || pictures != 1 {
		t.Errorf("%d pictures with %+v", pictures, a)
	}
}

func TestOpusOfAACThatCannotBeDecoded(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(aacOf(48000, 6), 0))
	want := transcode.ErrSource
	if !transcode.Available() {
		want = transcode.ErrNoDecoder
	}
	if _, err := p.Stream().WithAudio(av.CodecOpus); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if _, err := p.Stream().WithAudio(av.CodecAAC); err != nil {
		t.Errorf("as it is: %v", err)
	}
	if _, err := p.Stream().WithAudio(av.CodecH264); err == nil {
		t.Error("H.264 was made of sound")
	}
}

// TestAudioFeedFollowsTheCodec: who came while the sound was of the codec keeps it when the publisher changes.
func TestAudioFeedFollowsTheCodec(t *testing.T) {
	unit := silentUnit(t)
	e, err := newAudioEncoder(av.Tracks{videoTrack, audioTrack}, av.CodecOpus)
	if err != nil {
		t.Fatal(err)
	}
	var out []Frame
	push := func(f *av.Frame) {
		t.Helper()
		if out, err = e.Encode(out, Frame{Frame: f}); err != nil {
			t.Fatal(err)
		}
	}
	push(audio(0))
	push(audio(20 * ms))
	push(config(aacOf(48000, 2), 25*ms)) // less the encoder's delay: within the packet before
	for i := range 10 {
		at := 25*ms + time.Duration(i)*1024*time.Second/48000
		push(&av.Frame{Track: 2, Codec: av.CodecAAC, Key: true, DTS: at, PTS: at, Data: unit})
	}
	push(config(audioTrack, 300*ms))
	push(audio(150 * ms)) // for a time that was given out
	push(audio(300 * ms))
	last := -ms
	for i, f := range out {
		if f.Codec != av.CodecOpus || f.Kind == av.KindMedia && f.DTS <= last {
			t.Fatalf("frame %d is %v at %v behind %v", i, f.Codec, f.DTS, last)
		}
		if f.Kind == av.KindMedia {
			last = f.DTS
		}
	}
	if last != 300*ms {
		t.Errorf("the last one is at %v", last)
	}
	// What cannot be decoded is left out, and the next that can is heard again.
	if _, err := e.Encode(nil, Frame{Frame: config(aacOf(48000, 6), 400*ms)}); !errors.Is(err, transcode.ErrSource) {
		t.Errorf("got %v for 5.1", err)
	}
	got, err := e.Encode(nil, Frame{Frame: &av.Frame{Track: 2, Codec: av.CodecAAC, Key: true, DTS: 410 * ms, PTS: 410 * ms, Data: unit}})
	if len(got) != 0 || err != nil {
		t.Errorf("5.1 became %d frames, %v", len(got), err)
	}
}

// TestUsualAudio: AAC where it can be made, else what is published.
func TestUsualAudio(t *testing.T) {
	for _, c := range []struct {
		track *av.Track
		own   av.Codec
	}{{&videoTrack, av.CodecOpus}, {&audioTrack, av.CodecOpus}, {new(aacOf(48000, 2)), av.CodecAAC}} {
		want := c.own
		if transcode.Available() {
			want = av.CodecAAC
		}
		p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
		mustWrite(t, p, config(*c.track, 0))
		if got := p.Stream().UsualAudio(); got != want {
			t.Errorf("beside %v it is %v, want %v", c.track.Codec, got, want)
		}
		if _, err := p.Stream().WithAudio(want); err != nil {
			t.Errorf("with %v: %v", want, err)
		}
	}
}
