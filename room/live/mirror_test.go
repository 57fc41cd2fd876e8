package live

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"weir/mux/av"
)

// TestMirrorIsTheSameRing copies a ring with simulcast layers, filled silence, changes and ends into that of another server.
func TestMirrorIsTheSameRing(t *testing.T) {
	origin, edge := runRegistry(t, testOptions()), runRegistry(t, testOptions())
	p := mustPublish(t, origin, PublishOptions{Tracks: 2, Layers: []string{"l", "h"}})
	low, high, big := videoTrack, videoTrack, videoTrack
	low.ID, low.Layer, low.Width, low.Height = 3, "l", 320, 180
	high.ID, high.Layer = 4, "h"
	big.ID, big.Layer, big.Config = 4, "h", []byte("avcC2")
	picture := func(id av.TrackID, at time.Duration, key bool) *av.Frame {
		f := video(at, key)
		f.Track = id
		return f
	}
	mustWrite(t, p, config(audioTrack, 0), config(low, 0), config(high, 0))
	at := time.Duration(0)
	for i := range 60 {
		at += 40 * time.Millisecond
		if i == 40 {
			mustWrite(t, p, config(big, at))
		}
		mustWrite(t, p, picture(3, at, i%20 == 0), picture(4, at, i%20 == 0))
		if i < 10 {
			mustWrite(t, p, audio(at)) // then silence stands in
		}
	}
	mustWrite(t, p, &av.Frame{Track: 3, Kind: av.KindConfig, Codec: av.CodecH264, DTS: at, PTS: at}, &av.Frame{Track: 7, Kind: av.KindData, DTS: at, PTS: at})

	began := p.Stream().Started().Add(-time.Hour)
	m := mustPublish(t, edge, PublishOptions{Mirror: true, Started: began, Tracks: 2, Layers: []string{"l", "h"}})
	from := p.Stream().NewReader(ReaderOptions{Name: "test", Start: StartOldest, Layers: true})
	defer from.Close()
	frames := readAll(t, from)
	for _, f := range []*av.Track{&videoTrack, &audioTrack, &low, &high} {
		mustWrite(t, m, config(*f, 0))
	}
	to := m.Stream().NewReader(ReaderOptions{Name: "test", Start: StartOldest, Layers: true})
	defer to.Close()
	for _, f := range frames {
		mustWrite(t, m, f.Frame)
	}
	got := readAll(t, to)
	// What says anew what was said at the beginning stands in the origin's ring alone.
	changes := func(all []Frame) (out []Frame) {
		for _, f := range all {
			if f.Kind != av.KindConfig || f.Config == nil || string(f.Config.Config) == "avcC2" {
				out = append(out, f)
			}
		}
		return out
	}
	got, frames = changes(got), changes(frames)
	if len(got) < 200 || len(got) != len(frames) {
		t.Fatalf("%d frames, want %d", len(got), len(frames))
	}
	for i := range got {
		if got[i] != frames[i] {
			t.Fatalf("frame %d of track %d at %v is another one, or in another place", i, frames[i].Track, frames[i].DTS)
		}
	}
	s := m.Stream()
	if !s.Started().Equal(began) || !s.Mirrored() || !reflect.DeepEqual(s.Layers(), []string{"l", "h"}) || !reflect.DeepEqual(s.Tracks(), p.Stream().Tracks()) {
		t.Errorf("the stream is %+v, layers %v", s.Info(), s.Layers())
	}
	if m.SetLayers(nil); s.Layers() != nil {
		t.Error("the layers stay")
	}
	if err := m.Write(audio(at)); err != nil {
		t.Error(err)
	}
	if err := m.Write(audio(at)); !errors.Is(err, ErrOrder) {
		t.Errorf("the same time once more: %v", err)
	}
}

// TestMirrorYields: a copy takes nothing over, and what is published here takes the place of a copy whatever the policy is.
func TestMirrorYields(t *testing.T) {
	reg := runRegistry(t, testOptions())
	m := mustPublish(t, reg, PublishOptions{Mirror: true, Tracks: 1})
	mustWrite(t, m, config(videoTrack, 0), video(time.Second, true))
	if _, err := reg.Publish(testKey, PublishOptions{Mirror: true, Policy: PolicyReplace}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second copy: %v", err)
	}
	m.Interrupt(errTest)
	mustWrite(t, m, video(2*time.Second, false))
	if got := m.Stream().Info().State; got != StateInterrupted {
		t.Errorf("after a frame of before the interruption it is %v", got)
	}
	if m.Resume(); m.Stream().Info().State != StateLive {
		t.Error("it is not live after Resume")
	}
	p := mustPublish(t, reg, PublishOptions{Policy: PolicyReject, User: "alice", Tracks: 1})
	if !errors.Is(m.Err(), ErrReplaced) {
		t.Errorf("the copy has lost the stream with %v", m.Err())
	}
	mustWrite(t, p, config(videoTrack, 3*time.Second), video(3*time.Second, true))
	if s := p.Stream(); s.Mirrored() || s.Info().State != StateLive {
		t.Errorf("the stream is %+v", s.Info())
	}
	if _, err := reg.Publish(testKey, PublishOptions{Mirror: true}); !errors.Is(err, ErrBusy) {
		t.Errorf("a copy of what is published here: %v", err)
	}
}
