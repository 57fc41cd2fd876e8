package live

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/mux/av"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	videoTrack = av.Track{ID: 1, Codec: av.CodecH264, ClockRate: 90000, Config: []byte("avcC"), Width: 640, Height: 360}
	audioTrack = av.Track{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Config: []byte("OpusHead"), Channels: 2}
	testKey    = Key{App: "1", Room: "demo", Stream: "cam"}
	errTest    = errors.New("test is over")
)

func testOptions() Options {
	return Options{
		RingBytes: 1 << 20, RingTime: 10 * time.Second, Fresh: 2500 * time.Millisecond, Grace: 15 * time.Second,
		TrackWait: time.Second, FeedIdle: 10 * time.Second, MaxStreams: 100,
	}
}

// runRegistry returns a registry that runs until the test is over.
func runRegistry(t testing.TB, o Options) *Registry {
	t.Helper()
	reg := NewRegistry(o)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = reg.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return reg
}

func mustPublish(t testing.TB, reg *Registry, o PublishOptions) *Publisher {
	t.Helper()
	p, err := reg.Publish(testKey, o)
	if err != nil {
		t.Fatalf("cannot publish: %v", err)
	}
	return p
}

func config(t av.Track, at time.Duration) *av.Frame {
	return &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at, Config: &t}
}

func video(at time.Duration, key bool) *av.Frame {
	return &av.Frame{Track: 1, Codec: av.CodecH264, Key: key, DTS: at, PTS: at, Data: make([]byte, 1000)}
}

func audio(at time.Duration) *av.Frame {
	return &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Data: make([]byte, 100)}
}

func mustWrite(t testing.TB, p *Publisher, frames ...*av.Frame) {
	t.Helper()
	for _, f := range frames {
		if err := p.Write(f); err != nil {
			t.Fatalf("cannot write %+v: %v", f, err)
		}
	}
}

// writeGroups writes n groups of 20 pictures, 25 a second, the first at from.
func writeGroups(t testing.TB, p *Publisher, from time.Duration, n int) (next time.Duration) {
	t.Helper()
	for i := range n * 20 {
		mustWrite(t, p, video(from, i%20 == 0))
		from += 40 * time.Millisecond
	}
	return from
}

// readAll reads until nothing is at hand.
func readAll(t testing.TB, r *Reader[Frame]) []Frame {
	t.Helper()
	var got []Frame
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		var batch [7]Frame
		n, err := r.ReadBatch(ctx, batch[:])
		got = append(got, batch[:n]...)
		if errors.Is(err, context.Canceled) {
			return got
		}
		if err != nil {
			t.Fatalf("cannot read: %v", err)
		}
	}
}
