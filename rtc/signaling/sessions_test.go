package signaling

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestSessions: a session is known from its beginning until it is removed, Run waits for it, and none begins behind Run's end.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSessions[int]()
		over, stop := context.WithCancel(t.Context())
		early, hurry := context.WithCancel(t.Context())
		hurry()
		if err := s.Await(early); !errors.Is(err, context.Canceled) {
			t.Errorf("before Run: %v", err)
		}
		ran := make(chan struct{})
		go func() {
			defer close(ran)
			s.Run(over)
		}()
		if err := s.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		last := make(chan struct{})
		if err := s.Go("a", 1, func(ctx context.Context) {
			<-ctx.Done()
			s.Remove("a")
			<-last
		}); err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Get("a"); !ok || got != 1 || len(s.All()) != 1 {
			t.Errorf("%d, %t of %d", got, ok, len(s.All()))
		}
		stop()
		synctest.Wait()
		if _, ok := s.Get("a"); ok || len(s.All()) != 0 {
			t.Error("it is still known")
		}
		if err := s.Go("b", 2, func(context.Context) { t.Error("it has begun") }); !errors.Is(err, ErrStopping) {
			t.Errorf("behind the end: %v", err)
		}
		select {
		case <-ran:
			t.Error("Run did not wait")
		default:
		}
		close(last)
		<-ran
	})
}
