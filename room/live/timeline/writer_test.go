package timeline

import (
	"context"
	"errors"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room/live"
	"weir/testdata/samples"
)

// newWriter is a writer into a stream.
func newWriter(t *testing.T) *Writer {
	t.Helper()
	hub := live.NewRegistry(live.Options{RingBytes: 8 << 20, RingTime: time.Minute, Fresh: time.Minute, Grace: time.Minute, TrackWait: time.Minute, MaxStreams: 1})
	p, err := hub.Publish(live.Key{App: "1", Room: "demo", Stream: "cam"}, live.PublishOptions{Tracks: 2})
	if err != nil {
		t.Fatal(err)
	}
	return NewWriter(p)
}

// TestWriter: nothing is written that cannot be decoded; the first frame brings its track's configuration.
func TestWriter(t *testing.T) {
	w := newWriter(t)
	track, pictures := samples.H264(t)
	frame := func(i int) *av.Frame { f := *pictures[i]; f.DTS += time.Hour; f.PTS += time.Hour; return &f }
	if err := w.Write(frame(0)); !errors.Is(err, ErrNoConfig) {
		t.Errorf("before the configuration: %v", err)
	}
	w.Configure(&track)
	for _, s := range []struct {
		name    string
		picture int
		damaged bool
		want    error
	}{
		{"before a key frame", 1, false, ErrNoKey},
		{"a key frame", 0, false, nil},
		{"what follows", 1, false, nil},
		{"behind damage", 3, true, ErrNoKey},
		{"the next key frame", 60, false, nil},
	} {
		if s.damaged {
			w.Damaged()
		}
		f := frame(s.picture)
		if err := w.Write(f); !errors.Is(err, s.want) {
			t.Errorf("%s: %v", s.name, err)
		} else if err == nil && (f.Track != VideoID || f.DTS > time.Minute || f.Wall.IsZero()) {
			t.Errorf("%s: it was written as %+v", s.name, f)
		}
	}
	if n := w.Jumps(); n != 0 {
		t.Errorf("%d jumps", n)
	}
}

// TestAnnounce: with both tracks announced the stream is ready with the first picture.
func TestAnnounce(t *testing.T) {
	w := newWriter(t)
	picture, pictures := samples.H264(t)
	sound, _ := samples.AAC(t)
	w.Configure(&picture)
	w.Configure(&sound)
	if err := w.Announce(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(pictures[0]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.publisher.Stream().Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if ts := w.publisher.Stream().Tracks(); ts.Video() == nil || ts.Audio() == nil {
		t.Errorf("the tracks are %+v", ts)
	}
}
