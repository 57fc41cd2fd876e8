package live

import (
	"testing"
	"testing/synctest"

	"weir/mux/av"
)

// TestReadersAreThoseWhoRead: who reads a feed, or a feed of a feed, is one reader of the stream, and a feed that nobody reads any
// more is none, though it goes on for a while.
func TestReadersAreThoseWhoRead(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(1, true))
		s := p.Stream()
		var made, opened int
		first := countingFeed(s, &made, &opened)
		second := FeedOf(s, "again", Source[Frame](first), func(ts av.Tracks) (Encoder[Frame, Frame], error) {
			return &counter{tracks: ts, made: &made}, nil
		})
		var readers []*Reader[Frame]
		for _, from := range []Source[Frame]{s, first, second, second} {
			readers = append(readers, from.NewReader(ReaderOptions{}))
			synctest.Wait()
			if n := s.Readers(); n != len(readers) {
				t.Errorf("%d readers count as %d", len(readers), n)
			}
		}
		for i, r := range readers {
			r.Close()
			r.Close() // harmless
			synctest.Wait()
			if n := s.Readers(); n != len(readers)-i-1 {
				t.Errorf("with %d readers left: %d", len(readers)-i-1, n)
			}
		}
		before := made
		mustWrite(t, p, video(2, true))
		synctest.Wait()
		if made != before+2 {
			t.Errorf("the feeds have made %d frames of one", made-before)
		}
	})
}
