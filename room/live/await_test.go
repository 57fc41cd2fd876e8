package live

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// waitOptions let two readers wait for 10 s.
func waitOptions() Options {
	o := testOptions()
	o.Wait, o.MaxWaiting = 10*time.Second, 2
	return o
}

// await calls Await in a goroutine.
func await(ctx context.Context, reg *Registry, k Key) <-chan error {
	done := make(chan error, 1)
	go func() {
		s, err := reg.Await(ctx, k)
		if err == nil && s.Key() != k {
			err = errors.New("another stream")
		}
		done <- err
	}()
	return done
}

func TestAwait(t *testing.T) {
	other := Key{App: "1", Room: "demo", Stream: "other"}
	for _, c := range []struct {
		name  string
		event func(reg *Registry, cancel context.CancelFunc)
		after time.Duration // how long the wait lasts
		want  error
	}{
		{"the publisher comes", func(reg *Registry, _ context.CancelFunc) {
			time.Sleep(9 * time.Second)
			mustPublish(t, reg, PublishOptions{})
		}, 9 * time.Second, nil},
		{"nobody comes", func(*Registry, context.CancelFunc) {}, 10 * time.Second, ErrNoStream},
		{"another stream comes", func(reg *Registry, _ context.CancelFunc) {
			if _, err := reg.Publish(other, PublishOptions{}); err != nil {
				t.Error(err)
			}
		}, 10 * time.Second, ErrNoStream},
		{"the reader leaves", func(_ *Registry, cancel context.CancelFunc) { cancel() }, 0, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := runRegistry(t, waitOptions())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				begin := time.Now()
				done := await(ctx, reg, testKey)
				synctest.Wait()
				if n := reg.Waiting(); n != 1 {
					t.Errorf("%d wait", n)
				}
				c.event(reg, cancel)
				if err := <-done; !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if took := time.Since(begin); took != c.after {
					t.Errorf("after %v, want %v", took, c.after)
				}
				if reg.Waiting() != 0 || len(reg.arrivals) != 0 {
					t.Errorf("%d wait, %d arrivals are left", reg.Waiting(), len(reg.arrivals))
				}
			})
		})
	}
}

func TestAwaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := runRegistry(t, waitOptions())
		first, second := await(t.Context(), reg, testKey), await(t.Context(), reg, testKey)
		synctest.Wait()
		begin := time.Now()
		if _, err := reg.Await(t.Context(), testKey); !errors.Is(err, ErrNoStream) || time.Since(begin) != 0 {
			t.Errorf("a third one: %v after %v", err, time.Since(begin))
		}
		p := mustPublish(t, reg, PublishOptions{})
		for _, done := range []<-chan error{first, second} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if s, err := reg.Await(t.Context(), testKey); err != nil || s != p.Stream() {
			t.Errorf("a stream that is there: %v", err)
		}
	})
}

func TestAwaitEndsWithTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := NewRegistry(waitOptions())
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = reg.Run(ctx) }()
		done := await(t.Context(), reg, testKey)
		synctest.Wait()
		stop()
		if err := <-done; !errors.Is(err, ErrStopping) {
			t.Error(err)
		}
		if _, err := reg.Await(t.Context(), testKey); !errors.Is(err, ErrStopping) {
			t.Error(err)
		}
	})
}

// TestStartNext: the reader leaves a fresh group where it is and begins at the key frame that it asked for, however
// long that takes.
func TestStartNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1, KeyFrame: func() { asked++ }})
		mustWrite(t, p, config(videoTrack, 0))
		at := writeGroups(t, p, 0, 1)
		r := p.Stream().NewReader(ReaderOptions{Start: StartNext})
		defer r.Close()
		go func() {
			time.Sleep(5 * time.Second)
			mustWrite(t, p, video(at, false), video(at+40*time.Millisecond, true))
		}()
		var batch [4]Frame
		n, err := r.ReadBatch(t.Context(), batch[:])
		if err != nil || n != 1 || !batch[0].Key || batch[0].DTS != at+40*time.Millisecond {
			t.Errorf("begins with %d values, the first at %v, %v", n, batch[0].DTS, err)
		}
		if asked == 0 {
			t.Error("nobody was asked for a key frame")
		}
	})
}
