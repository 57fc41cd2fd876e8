package live

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"weir/mux/av"
)

func TestLateJoinerStartsAtTheNewestKeyFrame(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0))
	writeGroups(t, p, 0, 3)

	r := p.Stream().NewReader(ReaderOptions{Name: "test"})
	defer r.Close()
	ts, err := r.Start(t.Context())
	if err != nil || ts.Video() == nil {
		t.Fatalf("Start = %v, %v", ts, err)
	}
	got := readAll(t, r)
	if len(got) != 20 || !got[0].Key || got[0].DTS != 1600*time.Millisecond {
		t.Errorf("got %d frames, the first %+v; want the 20 of the third group", len(got), got[0].Frame)
	}
}

func TestStartOldestGivesAllGroupsHeld(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0))
	writeGroups(t, p, 0, 3)
	r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	defer r.Close()
	if got := readAll(t, r); len(got) != 60 || got[0].DTS != 0 {
		t.Errorf("got %d frames from %v", len(got), got[0].DTS)
	}
}

func TestConfigAsOfTheCursor(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	wide := videoTrack
	wide.Width, wide.Config = 1280, []byte("avcC 2")
	mustWrite(t, p, config(videoTrack, 0), video(0, true), video(1, false))
	old := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	defer old.Close()
	mustWrite(t, p, config(wide, 2), video(2, true))

	if ts, _ := old.Start(t.Context()); ts.Video().Width != 640 {
		t.Errorf("a reader before the change sees width %d", ts.Video().Width)
	}
	young := p.Stream().NewReader(ReaderOptions{})
	defer young.Close()
	if ts, _ := young.Start(t.Context()); ts.Video().Width != 1280 {
		t.Errorf("a reader behind the change sees width %d", ts.Video().Width)
	}
	got := readAll(t, old)
	if len(got) != 4 || got[2].Kind != av.KindConfig || got[2].Config.Width != 1280 {
		t.Fatalf("the change is not in order with the frames: %d values", len(got))
	}
	if old.Tracks().Video().Width != 1280 {
		t.Error("Tracks does not follow the cursor")
	}
	if n := len(readAll(t, young)); n != 1 {
		t.Errorf("the young reader got %d values; the change lies before its start", n)
	}
}

func TestUnchangedConfigProducesNothing(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0), video(0, true), config(videoTrack, 1), video(1, true))
	r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	defer r.Close()
	if got := readAll(t, r); len(got) != 2 {
		t.Errorf("got %d values, want the two pictures", len(got))
	}
}

func TestLagSkipsToTheNewestKeyFrame(t *testing.T) {
	o := testOptions()
	o.RingTime = 2 * time.Second
	reg := runRegistry(t, o)
	p := mustPublish(t, reg, PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0))
	at := writeGroups(t, p, 0, 1)
	r := p.Stream().NewReader(ReaderOptions{Name: "slow"})
	defer r.Close()
	if n := len(readAll(t, r)); n != 20 {
		t.Fatalf("read %d", n)
	}
	at = writeGroups(t, p, at, 5) // 4 s: the cursor is out of the ring
	var batch [64]Frame
	if n, err := r.ReadBatch(t.Context(), batch[:]); n != 0 || !errors.Is(err, ErrLagged) {
		t.Fatalf("ReadBatch = %d, %v; want ErrLagged", n, err)
	}
	got := readAll(t, r)
	if len(got) != 20 || !got[0].Key || got[0].DTS != at-800*time.Millisecond {
		t.Errorf("goes on with %d values from %v", len(got), got[0].DTS)
	}
}

func TestRingIsBoundedByBytes(t *testing.T) {
	o := testOptions()
	o.RingBytes = 10_000
	p := mustPublish(t, runRegistry(t, o), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0))
	writeGroups(t, p, 0, 10)
	if b := p.Stream().ring.bytes.Load(); b > 10_000 || b < 5_000 {
		t.Errorf("the ring holds %d bytes", b)
	}
	big := video(time.Hour, true)
	big.Data = make([]byte, 50_000)
	mustWrite(t, p, big)
	r := p.Stream().NewReader(ReaderOptions{})
	defer r.Close()
	if got := readAll(t, r); len(got) != 1 {
		t.Errorf("a frame larger than the bound is not the one value held: %d", len(got))
	}
}

func TestRingGrowsWithItsReadersInPlace(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(audioTrack, 0))
	mustWrite(t, p, audio(1))
	r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	defer r.Close()
	for i := range 2000 {
		mustWrite(t, p, audio(time.Duration(i+2)*time.Millisecond))
	}
	if got := readAll(t, r); len(got) != 2001 {
		t.Errorf("read %d of 2001", len(got))
	}
}

func TestReaderEndsWithTheReason(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0), video(0, true))
	r := p.Stream().NewReader(ReaderOptions{})
	defer r.Close()
	p.End(errTest)
	var batch [4]Frame
	if n, err := r.ReadBatch(t.Context(), batch[:]); n != 1 || err != nil {
		t.Fatalf("the last frame is not given: %d, %v", n, err)
	}
	if _, err := r.ReadBatch(t.Context(), batch[:]); !errors.Is(err, ErrEnded) || !errors.Is(err, errTest) {
		t.Errorf("ReadBatch = %v; want the end and its reason", err)
	}
}

func TestJoinAsksForAKeyFrameWhenTheGroupIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		var p *Publisher
		reg := NewRegistry(testOptions())
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = reg.Run(ctx) }()
		defer func() { stop(); synctest.Wait() }()
		p = mustPublish(t, reg, PublishOptions{Tracks: 1, KeyFrame: func() { asked.Add(1) }})
		mustWrite(t, p, config(videoTrack, 0), video(0, true))
		for i := range 100 { // 4 s without a key frame
			mustWrite(t, p, video(time.Duration(i+1)*40*time.Millisecond, false))
		}
		r := p.Stream().NewReader(ReaderOptions{})
		defer r.Close()
		got := make(chan time.Duration)
		go func() {
			var batch [1]Frame
			_, _ = r.ReadBatch(ctx, batch[:])
			got <- batch[0].DTS
		}()
		synctest.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times for a key frame, want once", n)
		}
		mustWrite(t, p, video(5*time.Second, true))
		if at := <-got; at != 5*time.Second {
			t.Errorf("the reader starts at %v, not at the key frame it asked for", at)
		}
	})
}

func TestJoinMakesDoWithAnOldGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := NewRegistry(testOptions())
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = reg.Run(ctx) }()
		defer func() { stop(); synctest.Wait() }()
		p := mustPublish(t, reg, PublishOptions{Tracks: 1, KeyFrame: func() {}}) // deaf
		mustWrite(t, p, config(videoTrack, 0), video(0, true), video(4*time.Second, false))
		r := p.Stream().NewReader(ReaderOptions{})
		defer r.Close()
		begin := time.Now()
		var batch [4]Frame
		n, err := r.ReadBatch(ctx, batch[:])
		if err != nil || n != 2 || !batch[0].Key {
			t.Errorf("ReadBatch = %d, %v", n, err)
		}
		if waited := time.Since(begin); waited != patience {
			t.Errorf("waited %v", waited)
		}
	})
}

// TestOrderAndLag writes under random bounds while readers of random slowness read: what a reader gets is in
// order and without a gap, but for the gaps that ErrLagged announced, behind which it is at a join point.
func TestOrderAndLag(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := testOptions()
		o.RingBytes = rapid.IntRange(3_000, 200_000).Draw(rt, "bytes")
		group := rapid.IntRange(1, 40).Draw(rt, "group")
		frames := rapid.IntRange(1, 800).Draw(rt, "frames")
		readers := rapid.IntRange(1, 6).Draw(rt, "readers")
		join := time.Duration(rapid.IntRange(0, 1).Draw(rt, "join")) * time.Millisecond

		reg := NewRegistry(o)
		ctx, stop := context.WithCancel(context.Background())
		ran := make(chan struct{})
		go func() { defer close(ran); _ = reg.Run(ctx) }()
		defer func() { stop(); <-ran }()
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(1, true))

		var all sync.WaitGroup
		for i := range readers {
			r := p.Stream().NewReader(ReaderOptions{Name: "property", Join: join})
			if _, err := r.Start(ctx); err != nil {
				rt.Fatalf("cannot start: %v", err)
			}
			all.Go(func() { checkOrder(t, r, rand.New(rand.NewPCG(uint64(i), 7)), time.Duration(frames)) })
		}
		for i := 1; i < frames; i++ {
			mustWrite(t, p, video(time.Duration(i+1), i%group == 0))
		}
		p.End(errTest)
		all.Wait()
	})
}

// checkOrder reads to the end, with DTS counting the frames from 1.
func checkOrder(t *testing.T, r *Reader[Frame], rnd *rand.Rand, last time.Duration) {
	defer r.Close()
	var next time.Duration // 0: any key frame
	for {
		batch := make([]Frame, 1+rnd.IntN(9))
		n, err := r.ReadBatch(t.Context(), batch)
		for _, f := range batch[:n] {
			if next == 0 && !f.Key || next != 0 && f.DTS != next {
				t.Errorf("got frame %d (key %v), want %d", f.DTS, f.Key, next)
				return
			}
			next = f.DTS + 1
		}
		switch {
		case errors.Is(err, ErrLagged):
			next = 0
		case errors.Is(err, ErrEnded):
			if next != 0 && next != last+1 {
				t.Errorf("the end came before frame %d of %d", next, last)
			}
			return
		case err != nil:
			t.Errorf("cannot read: %v", err)
			return
		}
		for range rnd.IntN(3) * 200 { // be slow at times
			_ = rnd.Uint32()
		}
	}
}
