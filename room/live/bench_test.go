package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"weir/mux/av"
)

// BenchmarkFanOut writes frames while readers read them, and ends when the last reader has the last frame. The
// metric publisher-ns/frame is what the writing goroutine pays itself.
func BenchmarkFanOut(b *testing.B) {
	for _, readers := range []int{1, 100, 1000, 10000} {
		for _, join := range []time.Duration{0, 40 * time.Millisecond} {
			b.Run(fmt.Sprintf("readers=%d/join=%v", readers, join), func(b *testing.B) { benchFanOut(b, readers, join) })
		}
	}
}

func benchFanOut(b *testing.B, readers int, join time.Duration) {
	o := testOptions()
	o.RingBytes, o.RingTime = 1<<30, time.Hour
	p := mustPublish(b, runRegistry(b, o), PublishOptions{Tracks: 1})
	mustWrite(b, p, config(videoTrack, 0), video(1, true))
	var all sync.WaitGroup
	for range readers {
		r := p.Stream().NewReader(ReaderOptions{Name: "bench", Join: join})
		if _, err := r.Start(context.Background()); err != nil {
			b.Fatal(err)
		}
		all.Go(func() { drainReader(b, r) })
	}
	frames := make([]*av.Frame, b.N)
	for i := range frames {
		frames[i] = &av.Frame{Track: 1, Codec: av.CodecH264, Key: i%60 == 0, DTS: time.Duration(i+2) * time.Microsecond}
	}
	b.ReportAllocs()
	b.ResetTimer()
	begin := time.Now()
	mustWrite(b, p, frames...)
	own := time.Since(begin)
	p.End(errTest)
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(own.Nanoseconds())/float64(b.N), "publisher-ns/frame")
}

func drainReader(b *testing.B, r *Reader[Frame]) {
	defer r.Close()
	var batch [64]Frame
	for {
		if _, err := r.ReadBatch(context.Background(), batch[:]); err != nil {
			if !errors.Is(err, ErrEnded) && !errors.Is(err, ErrLagged) {
				b.Error(err)
			}
			if !errors.Is(err, ErrLagged) {
				return
			}
		}
	}
}

// TestAllocations holds the ceilings of the hot path: one entry for each write, nothing for a batch read.
func TestAllocations(t *testing.T) {
	o := testOptions()
	o.RingTime = time.Second
	p := mustPublish(t, runRegistry(t, o), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0), video(1, true))
	r := p.Stream().NewReader(ReaderOptions{Join: time.Hour}) // its waker opens the gate once, then rests
	defer r.Close()
	if _, err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	frames := make([]*av.Frame, 3000)
	for i := range frames {
		frames[i] = video(time.Duration(i+2)*time.Millisecond, i%25 == 0)
	}
	next := 0
	write := testing.AllocsPerRun(1000, func() {
		_ = p.Write(frames[next])
		next++
	})
	if write > 1 {
		t.Errorf("a write allocates %v times, want 1 at most", write)
	}
	readAllNow(t, r)
	var batch [64]Frame
	read := testing.AllocsPerRun(1000, func() {
		_ = p.Write(frames[next])
		next++
		if n, err := r.ReadBatch(t.Context(), batch[:]); n != 1 || err != nil {
			t.Fatalf("ReadBatch = %d, %v", n, err)
		}
	})
	if read > 1 { // the one of the write
		t.Errorf("a batch read allocates %v times, want 0", read-1)
	}
}

// readAllNow brings the reader to the head, over a lag.
func readAllNow(t *testing.T, r *Reader[Frame]) {
	t.Helper()
	var batch [64]Frame
	for r.next != r.ring.head.Load() {
		if _, err := r.ReadBatch(t.Context(), batch[:]); err != nil && !errors.Is(err, ErrLagged) {
			t.Fatal(err)
		}
	}
}

// BenchmarkFill is what each frame pays for what could be missing beside it: a picture and two packets of sound.
func BenchmarkFill(b *testing.B) {
	p := mustPublish(b, runRegistry(b, testOptions()), PublishOptions{Tracks: 2})
	mustWrite(b, p, config(videoTrack, 0), config(stereoTrack, 0))
	s, at := p.Stream(), time.Duration(0)
	picture, packets := video(0, false), [2]*av.Frame{sound(stereoTrack, 0), sound(stereoTrack, 20*ms)}
	s.mu.Lock()
	defer s.mu.Unlock()
	b.ReportAllocs()
	for b.Loop() {
		picture.DTS = at
		s.fillLocked(picture)
		for _, f := range packets {
			f.DTS = at
			s.fillLocked(f)
			at += 20 * ms
		}
	}
}
