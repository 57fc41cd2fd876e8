package live

import (
	"context"
	"errors"
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
		if b := f.ring.bytes.Load(); b != 0 {
			t.Errorf("an idle feed holds %d bytes", b)
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
