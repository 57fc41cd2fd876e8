package live

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
)

// inBubble runs a test on a simulated clock, with a registry.
func inBubble(t *testing.T, o Options, test func(t *testing.T, reg *Registry)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reg := NewRegistry(o)
		ctx, stop := context.WithCancel(context.Background())
		go func() { _ = reg.Run(ctx) }()
		test(t, reg)
		stop()
		synctest.Wait()
	})
}

func TestReadyAwaitsAnnouncedTracks(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 2})
		mustWrite(t, p, config(videoTrack, 0), video(0, true))
		r := p.Stream().NewReader(ReaderOptions{})
		defer r.Close()
		got := make(chan av.Tracks)
		go func() {
			ts, _ := r.Start(t.Context())
			got <- ts
		}()
		synctest.Wait()
		select {
		case ts := <-got:
			t.Fatalf("a reader started with %d of 2 tracks", len(ts))
		default:
		}
		mustWrite(t, p, video(1, false), config(audioTrack, 2), audio(2))
		// The reader starts at the key frame before the audio track came, and still knows of it.
		if ts := <-got; ts.Video() == nil || ts.Audio() == nil {
			t.Errorf("the joiner's tracks are %+v", ts)
		}
	})
}

func TestReadyAfterTheTrackWait(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 2})
		begin := time.Now()
		mustWrite(t, p, config(audioTrack, 0), audio(0))
		if err := p.Stream().Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("ready after %v", waited)
		}
		mustWrite(t, p, audio(20*time.Millisecond))
		r := p.Stream().NewReader(ReaderOptions{})
		defer r.Close()
		if ts, err := r.Start(t.Context()); err != nil || ts.Video() != nil || ts.Audio() == nil {
			t.Errorf("tracks = %+v, %v", ts, err)
		}
	})
}

func TestAudioAloneIsNoJoinPointWhileVideoMayCome(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 2})
		mustWrite(t, p, config(audioTrack, 0), audio(1), config(videoTrack, 2), video(2, false), audio(3), video(4, true))
		r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
		defer r.Close()
		if got := readAll(t, r); len(got) != 1 || got[0].DTS != 4 {
			t.Errorf("got %d values; want to start at the picture", len(got))
		}
	})
}

func TestInterruptedThenEnded(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(0, true))
		begin := time.Now()
		p.Interrupt(errTest)
		if i := p.Stream().Info(); i.State != StateInterrupted || !errors.Is(i.Reason, errTest) || i.Interruptions != 1 {
			t.Errorf("after the interruption: %+v", i)
		}
		<-p.Stream().Done()
		if waited := time.Since(begin); waited != 15*time.Second {
			t.Errorf("ended after %v", waited)
		}
		if _, ok := reg.Stream(testKey); ok {
			t.Error("the key is not free")
		}
		if !errors.Is(p.Err(), errTest) || !errors.Is(p.Write(video(1, true)), ErrGone) {
			t.Error("the publisher still holds the stream")
		}
	})
}

func TestInterruptedThenBack(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(videoTrack, 0), video(0, true))
		p.Interrupt(errTest)
		time.Sleep(14 * time.Second) // simulated
		mustWrite(t, p, video(14*time.Second, true))
		time.Sleep(time.Minute)
		if i := p.Stream().Info(); i.State != StateLive {
			t.Errorf("the stream is %v", i.State)
		}
	})
}

func TestInterruptWithoutMediaEndsAtOnce(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		p.Interrupt(errTest)
		if p.Stream().Err() == nil {
			t.Error("a stream that never had media waits for its publisher")
		}
	})
}

// TestInterruptDuringTheFirstFrame: whichever is first, the stream does not stay live with nobody behind it.
func TestInterruptDuringTheFirstFrame(t *testing.T) {
	reg := runRegistry(t, testOptions())
	for range 2000 {
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		var both sync.WaitGroup
		both.Go(func() { _ = p.Write(config(videoTrack, 0)) })
		both.Go(func() { p.Interrupt(errTest) })
		both.Wait()
		if p.Stream().Info().State == StateLive {
			t.Fatal("the interruption is lost")
		}
		p.End(errTest)
	}
}

func TestTakeover(t *testing.T) {
	alice, bob := PublishOptions{User: "alice"}, PublishOptions{User: "bob"}
	with := func(o PublishOptions, p Policy) PublishOptions { o.Policy = p; return o }
	for _, c := range []struct {
		name   string
		second PublishOptions
		want   error
	}{
		{"resume, same user", with(alice, PolicyResume), nil},
		{"resume, another user", with(bob, PolicyResume), ErrBusy},
		{"replace, another user", with(bob, PolicyReplace), nil},
		{"reject, same user", with(alice, PolicyReject), ErrBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
				first := mustPublish(t, reg, alice)
				mustWrite(t, first, config(videoTrack, 0), video(0, true))
				second, err := reg.Publish(testKey, c.second)
				if !errors.Is(err, c.want) {
					t.Fatalf("Publish = %v, want %v", err, c.want)
				}
				if err != nil {
					mustWrite(t, first, video(1, true))
					return
				}
				if !errors.Is(first.Err(), ErrReplaced) || !errors.Is(first.Write(video(1, true)), ErrGone) {
					t.Error("the first publisher still holds the stream")
				}
				first.End(errTest) // too late to do harm
				first.Interrupt(errTest)
				mustWrite(t, second, config(videoTrack, 2), video(2, true))
				if second.Stream() != first.Stream() || second.Stream().Info().State != StateLive {
					t.Error("the stream did not go on")
				}
			})
		})
	}
}

func TestTakeoverThatSendsNothingEnds(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		first := mustPublish(t, reg, PublishOptions{})
		mustWrite(t, first, config(videoTrack, 0), video(0, true))
		second := mustPublish(t, reg, PublishOptions{})
		<-second.Stream().Done()
	})
}

// TestTakeoverOfAnInterruptedStreamThatSendsNothingEnds a grace time later, not with that of the publisher before.
func TestTakeoverOfAnInterruptedStreamThatSendsNothingEnds(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		first := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, first, config(videoTrack, 0), video(1, true))
		first.Interrupt(errTest)
		time.Sleep(10 * time.Second)
		second := mustPublish(t, reg, PublishOptions{Tracks: 1})
		time.Sleep(testOptions().Grace - time.Second)
		if second.Err() != nil {
			t.Errorf("it lost the stream within its grace time: %v", second.Err())
		}
		time.Sleep(2 * time.Second)
		if second.Err() == nil {
			t.Error("it holds the stream for ever")
		}
	})
}

func TestFiftyPublishersLeaveOne(t *testing.T) {
	reg := runRegistry(t, testOptions())
	var all sync.WaitGroup
	ps := make([]*Publisher, 50)
	for i := range ps {
		all.Go(func() { ps[i] = mustPublish(t, reg, PublishOptions{}) })
	}
	all.Wait()
	holding := 0
	for _, p := range ps {
		if p.Err() == nil {
			holding++
		}
	}
	if holding != 1 {
		t.Errorf("%d of 50 hold the stream", holding)
	}
}

func TestWriteRefuses(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	if err := p.Write(video(0, true)); !errors.Is(err, ErrNoTrack) {
		t.Errorf("a frame before its configuration: %v", err)
	}
	mustWrite(t, p, config(videoTrack, 0), video(5, true))
	for _, at := range []time.Duration{5, 4, -1} {
		if err := p.Write(video(at, true)); !errors.Is(err, ErrOrder) {
			t.Errorf("DTS %d after 5: %v", at, err)
		}
	}
	if err := p.Write(video(6, false)); !errors.Is(err, ErrStill) {
		t.Errorf("a picture behind one that was dropped: %v", err)
	}
	mustWrite(t, p, video(7, true), video(8, false))
}

func TestRegistryBounds(t *testing.T) {
	o := testOptions()
	o.MaxStreams = 1
	reg := NewRegistry(o)
	ctx, stop := context.WithCancel(t.Context())
	p, err := reg.Publish(testKey, PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Publish(Key{Stream: "other"}, PublishOptions{}); !errors.Is(err, ErrFull) {
		t.Errorf("a stream too many: %v", err)
	}
	stop()
	if err := reg.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(p.Err(), ErrStopping) {
		t.Errorf("the publisher learns %v", p.Err())
	}
	if _, err := reg.Publish(testKey, PublishOptions{}); !errors.Is(err, ErrStopping) {
		t.Errorf("Publish after the stop: %v", err)
	}
}

func TestKeyFrameRequestsAreMerged(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		var asked atomic.Int32
		p := mustPublish(t, reg, PublishOptions{KeyFrame: func() { asked.Add(1) }})
		for range 300 { // a join storm of three seconds
			p.Stream().WantKeyFrame("join")
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		if n := asked.Load(); n > 6 || n < 3 {
			t.Errorf("the publisher was asked %d times", n)
		}
		p.Stream().WantKeyFrame("join")
		p.Stream().WantKeyFrame("join")
		p.Stream().WantKeyFrame("join") // this one waits for its turn
		n := asked.Load()
		mustWrite(t, p, config(videoTrack, 0), video(0, true))
		time.Sleep(5 * time.Second)
		if asked.Load() != n {
			t.Error("asked once more though the key frame had come")
		}
	})
}

// However many ask, and however long nobody did before: no ten seconds have more than eleven requests, and no other
// span more than one a second and the one of the burst.
func TestKeyFrameRequestsAreBounded(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		var mu sync.Mutex
		var asked []time.Time
		p := mustPublish(t, reg, PublishOptions{KeyFrame: func() {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, time.Now())
		}})
		for second := range 60 {
			if second >= 20 && second < 30 {
				time.Sleep(time.Second) // a rest, in which the burst grows again
				continue
			}
			for range 50 {
				p.Stream().WantKeyFrame("loss")
				time.Sleep(20 * time.Millisecond)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(asked) < 40 {
			t.Errorf("only %d requests", len(asked))
		}
		for i := range asked {
			for k := i; k < len(asked); k++ {
				span := asked[k].Sub(asked[i])
				if n := k - i + 1; n > int(span/time.Second)+2 || span <= 10*time.Second && n > 11 {
					t.Fatalf("%d requests within %v", n, span)
				}
			}
		}
	})
}

// TestReadersMayComeWhileTheHubStops: a reader that is taken meanwhile finds the end.
func TestReadersMayComeWhileTheHubStops(t *testing.T) {
	for range 20 {
		reg := NewRegistry(testOptions())
		ctx, stop := context.WithCancel(context.Background())
		p := mustPublish(t, reg, PublishOptions{Tracks: 1})
		mustWrite(t, p, config(audioTrack, 0), audio(0))
		f := FeedOf(p.Stream(), "aac", Source[Frame](p.Stream()), func(ts av.Tracks) (Encoder[Frame, Frame], error) {
			return newAudioEncoder(ts, av.CodecAAC)
		})
		var all sync.WaitGroup
		all.Go(func() { _ = reg.Run(ctx) })
		for range 4 {
			all.Go(func() {
				for range 50 {
					r := p.Stream().NewReader(ReaderOptions{})
					r.Close()
					f.NewReader(ReaderOptions{}).Close()
				}
			})
		}
		stop()
		all.Wait()
		r := f.NewReader(ReaderOptions{})
		if _, err := r.Start(t.Context()); !errors.Is(err, ErrEnded) {
			t.Fatalf("a reader behind the end: %v", err)
		}
		r.Close()
	}
}
