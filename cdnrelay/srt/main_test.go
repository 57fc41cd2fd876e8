package srt

import (
	"context"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/cdnrelay/push"
	"weir/mux/av"
	"weir/room/dial"
	"weir/room/live"
	"weir/testdata/samples"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

const (
	secretID   = "s3cret-stream-id"
	passphrase = "s3cret-passphrase"
)

// local lets connections pass to this machine's first loopback address alone.
var local = dial.NewGuard(netip.MustParsePrefix("127.0.0.1/32"))

// source is a stream that is published in real time.
type published struct {
	pub   *live.Publisher
	video av.Track
	sent  []*av.Frame // the pictures
}

// publish begins a stream of the video and AAC.
func publish(t *testing.T, sample func(testing.TB) (av.Track, []*av.Frame)) *published {
	t.Helper()
	hub := live.NewRegistry(live.Options{
		RingBytes: 64 << 20, RingTime: 10 * time.Second, Fresh: 3 * time.Second, Grace: 10 * time.Second,
		TrackWait: 2 * time.Second, FeedIdle: time.Second, MaxStreams: 4, Wait: time.Second, MaxWaiting: 4,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = hub.Run(ctx) })
	t.Cleanup(func() { cancel(); group.Wait() })
	p := new(published)
	p.video, p.sent = sample(t)
	for i := 0; len(p.sent) < 600; i++ { // as long as the sound
		again := *p.sent[i]
		again.DTS = time.Duration(len(p.sent)) * time.Second / 30
		again.PTS = again.DTS
		p.sent = append(p.sent, &again)
	}
	audio, sounds := samples.AAC(t)
	var err error
	if p.pub, err = hub.Publish(live.Key{App: "1", Room: "demo", Stream: "cam"}, live.PublishOptions{Tracks: 2}); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(p.sent, sounds)
	slices.SortStableFunc(all, func(a, b *av.Frame) int { return int(a.DTS - b.DTS) })
	for _, track := range []*av.Track{&p.video, &audio} {
		if err := p.pub.Write(&av.Frame{Track: track.ID, Kind: av.KindConfig, Codec: track.Codec, Config: track}); err != nil {
			t.Fatal(err)
		}
	}
	group.Go(func() { p.play(ctx, all) })
	return p
}

// play writes frames at their time, until ctx is done or the stream is over.
func (p *published) play(ctx context.Context, frames []*av.Frame) {
	for _, f := range frames {
		wait := time.NewTimer(f.DTS - p.pub.Stream().Now())
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		if p.pub.Write(f) != nil {
			return
		}
	}
}

func target(t *testing.T, p *published, address string) push.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return push.Target{
		URL: u, Guard: local, Stream: p.pub.Stream(), MaxLags: 4, Log: slog.New(slog.DiscardHandler),
		Reader: live.ReaderOptions{Name: "push"}, WriteTimeout: 10 * time.Second,
	}
}

// open opens a session within a time.
func open(t *testing.T, to push.Target, within time.Duration) (push.Session, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	s, err := Output{}.Open(ctx, to)
	if err != nil {
		for _, secret := range []string{secretID, passphrase} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells a secret: %v", err)
			}
		}
	}
	return s, err
}

// sending is a session whose Send is under way.
type sending struct {
	progress *push.Progress
	over     chan error
	stop     context.CancelFunc
	close    func()
}

func send(t *testing.T, s push.Session) *sending {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out := &sending{progress: push.NewProgress(), over: make(chan error, 1), stop: stop}
	done := make(chan struct{})
	go func() {
		defer close(done)
		out.over <- s.Send(ctx, out.progress)
	}()
	out.close = sync.OnceFunc(func() {
		stop()
		<-done
		s.Close(context.Background())
	})
	t.Cleanup(out.close)
	return out
}

// wait waits for the end of Send.
func (s *sending) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.over:
		return err
	case <-time.After(patience):
		t.Fatal("it does not end")
		return nil
	}
}
