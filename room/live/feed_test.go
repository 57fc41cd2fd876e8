package live

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
)

// counter is an encoder that gives each frame back and counts its work.
type counter struct {
	tracks av.Tracks
	made   *int
}

func (c *counter) Tracks() av.Tracks { return c.tracks }

func (c *counter) Encode(dst []Frame, f Frame) ([]Frame, error) {
	*c.made++
	if f.Kind == av.KindConfig {
		c.tracks = c.tracks.With(f.Config)
	}
	return append(dst, f), nil
}

func countingFeed(s *Stream, made, opened *int) *Feed[Frame, Frame] {
	return FeedOf(s, "count", Source[Frame](s), func(ts av.Tracks) (Encoder[Frame, Frame], error) {
		*opened++
		return &counter{tracks: ts, made: made}, nil
	})
}

func TestFeedEncodesOnceForAllReaders(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0))
		at := writeGroups(t, p, 0, 1)
		var made, opened int
		f := countingFeed(p.Stream(), &made, &opened)
		if f != countingFeed(p.Stream(), &made, &opened) {
			t.Fatal("a second feed of the same name")
		}
		var readers []*Reader[Frame]
		for range 3 {
			readers = append(readers, f.NewReader(ReaderOptions{}))
		}
		synctest.Wait()
		writeGroups(t, p, at, 1)
		synctest.Wait()
		for _, r := range readers {
			if ts, err := r.Start(t.Context()); err != nil || ts.Video() == nil {
				t.Errorf("Start = %v, %v", ts, err)
			}
			if n := len(readAll(t, r)); n != 20 {
				t.Errorf("read %d", n)
			}
			r.Close()
			r.Close() // harmless
		}
		if made != 40 || opened != 1 {
			t.Errorf("%d values made by %d encoders for three readers of 40 frames", made, opened)
		}
	})
}

func TestFeedEndsAWhileAfterItsLastReader(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(1, true))
		var made, opened int
		f := countingFeed(p.Stream(), &made, &opened)
		f.NewReader(ReaderOptions{}).Close()
		time.Sleep(9 * time.Second)
		r := f.NewReader(ReaderOptions{}) // in time: the same encoder goes on
		synctest.Wait()
		r.Close()
		if opened != 1 {
			t.Fatalf("%d encoders", opened)
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		before := made
		mustWrite(t, p, video(2, true))
		synctest.Wait()
		if made != before {
			t.Error("the feed works for nobody")
		}
		if f.ring != nil {
			t.Error("an idle feed holds its ring")
		}
		r = f.NewReader(ReaderOptions{})
		defer r.Close()
		var batch [4]Frame
		if n, err := r.ReadBatch(t.Context(), batch[:]); n != 1 || err != nil || batch[0].DTS != 2 || opened != 2 {
			t.Errorf("after the pause: %d values, %v, first at %d, %d encoders", n, err, batch[0].DTS, opened)
		}
	})
}

func TestFeedPassesTheEndOn(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(1, true))
		var made, opened int
		r := countingFeed(p.Stream(), &made, &opened).NewReader(ReaderOptions{})
		defer r.Close()
		synctest.Wait()
		p.End(errTest)
		var batch [4]Frame
		if n, err := r.ReadBatch(t.Context(), batch[:]); n != 1 || err != nil {
			t.Fatalf("ReadBatch = %d, %v", n, err)
		}
		if _, err := r.ReadBatch(t.Context(), batch[:]); !errors.Is(err, ErrEnded) || !errors.Is(err, errTest) {
			t.Errorf("the end is %v", err)
		}
	})
}

func TestFeedWithoutEncoderTellsItsReaders(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(1, true))
		f := FeedOf(p.Stream(), "none", Source[Frame](p.Stream()), func(av.Tracks) (Encoder[Frame, Frame], error) {
			return nil, errTest
		})
		r := f.NewReader(ReaderOptions{})
		defer r.Close()
		if _, err := r.Start(context.Background()); !errors.Is(err, errTest) {
			t.Errorf("Start = %v", err)
		}
	})
}

// TestFailedFeedBeginsAnew with the next reader, also while others keep the failed run: what it failed at may be over.
func TestFailedFeedBeginsAnew(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(1, true))
		opened := 0
		broken := FeedOf(p.Stream(), "broken", Source[Frame](p.Stream()), func(ts av.Tracks) (Encoder[Frame, Frame], error) {
			if opened++; opened == 1 {
				return nil, errTest
			}
			return &counter{tracks: ts, made: new(int)}, nil
		})
		var made int
		chained := FeedOf(p.Stream(), "chained", Source[Frame](broken), func(ts av.Tracks) (Encoder[Frame, Frame], error) {
			return &counter{tracks: ts, made: &made}, nil
		})
		first := chained.NewReader(ReaderOptions{})
		defer first.Close()
		if _, err := first.Start(t.Context()); !errors.Is(err, errTest) {
			t.Errorf("the failure of the feed before is told as %v", err)
		}
		at := first.ring
		if chained.NewReader(ReaderOptions{}).Close(); chained.ring != at {
			t.Error("a feed that fails begins anew at once")
		}
		time.Sleep(feedRetry)
		second := chained.NewReader(ReaderOptions{})
		if _, err := second.Start(t.Context()); err != nil || opened != 2 {
			t.Errorf("Start = %v, %d encoders", err, opened)
		}
		second.Close()
		first.Close()
		time.Sleep(2*testOptions().FeedIdle + time.Second) // one feed after the other
		synctest.Wait()
		if chained.ring != nil || broken.ring != nil {
			t.Error("idle feeds hold their rings")
		}
	})
}

// slowEncoder stops at its first frame from 900 ms on until it is let go.
type slowEncoder struct {
	tracks  av.Tracks
	entered chan struct{}
	gate    chan struct{}
	once    *sync.Once
}

func (e slowEncoder) Tracks() av.Tracks { return e.tracks }

func (e slowEncoder) Encode(dst []Frame, f Frame) ([]Frame, error) {
	if f.DTS >= 900*time.Millisecond {
		e.once.Do(func() {
			close(e.entered)
			<-e.gate
		})
	}
	return append(dst, f), nil
}

// TestFeedRestartsWhileItsOldRunWorks: a reader that comes when the feed has just been stopped reads the new run
// only, so that time does not go back for it.
func TestFeedRestartsWhileItsOldRunWorks(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0))
		at := writeGroups(t, p, 0, 1)
		entered, gate, once := make(chan struct{}), make(chan struct{}), new(sync.Once)
		f := FeedOf(p.Stream(), "slow", Source[Frame](p.Stream()), func(ts av.Tracks) (Encoder[Frame, Frame], error) {
			return slowEncoder{ts, entered, gate, once}, nil
		})
		first := f.NewReader(ReaderOptions{})
		synctest.Wait()
		for range 10 {
			mustWrite(t, p, video(at, false))
			at += 40 * time.Millisecond
		}
		<-entered
		first.Close()
		time.Sleep(11 * time.Second) // the feed is stopped, and its goroutine still encodes
		second := f.NewReader(ReaderOptions{})
		defer second.Close()
		close(gate)
		synctest.Wait()
		last := time.Duration(-1)
		for _, v := range readAll(t, second) {
			if v.DTS <= last {
				t.Fatalf("%v after %v", v.DTS, last)
			}
			last = v.DTS
		}
		if last != at-40*time.Millisecond {
			t.Errorf("read up to %v of %v", last, at)
		}
	})
}
