package whip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"weir/bench/publish"
	"weir/room/live"
	"weir/testdata"
)

// looped is a publisher of video and sound without end.
var looped = publish.Options{H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"), Loop: true}

// startLive publishes without end and waits until the stream is live.
func (s *server) startLive(t *testing.T) (*publish.Session, *live.Stream) {
	t.Helper()
	p := s.start(t, looped)
	stream := s.stream(t, "cam")
	eventually(t, "media", func() bool { return stream.Info().State == live.StateLive })
	return p, stream
}

func (s *server) counts(t *testing.T, reason string) (interruptions, ends, streamEnds float64) {
	t.Helper()
	label := "reason=" + reason
	return metric(t, s.hub.Stats(), "weir_stream_interruptions_total", label),
		metric(t, s.handler.Stats(), "weir_whip_session_ends_total", label),
		metric(t, s.hub.Stats(), "weir_stream_ends_total", label)
}

// A publisher that vanishes is noticed by its silence; its viewers stay for the grace time and no longer.
func publisherVanishes(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, hub *live.Options) { o.Timeout, hub.Grace = 4*time.Second, 4*time.Second })
	p, stream := s.startLive(t)
	v := watch(t, stream, live.StartOldest)
	p.Kill()
	eventually(t, "the interruption", func() bool { return stream.Info().State == live.StateInterrupted })
	if reason := live.Reason(stream.Info().Reason); reason != "silence" {
		t.Errorf("the stream is interrupted because of %q", reason)
	}
	select {
	case <-v.done:
		t.Errorf("the viewer was ended within the grace time: %v", v.err)
	default:
	}
	eventually(t, "the end", func() bool { return s.sessions() == 0 })
	<-v.done
	if live.Reason(v.err) != "silence" {
		t.Errorf("the viewer ended with %v", v.err)
	}
	s.isEmpty(t)
	if i, e, se := s.counts(t, "silence"); i != 1 || e != 1 || se != 1 {
		t.Errorf("%v interruptions, %v ends of sessions and %v of streams are counted", i, e, se)
	}
}

// A publisher that closes its connection is noticed at once (WH-25), and may come back.
func publisherCloses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, stream := s.startLive(t)
	v := watch(t, stream, live.StartOldest)
	p.Close()
	eventually(t, "the interruption", func() bool { return stream.Info().State == live.StateInterrupted })
	if reason := live.Reason(stream.Info().Reason); reason != "connection_closed" {
		t.Errorf("the stream is interrupted because of %q", reason)
	}
	again, _ := s.startLive(t)
	if s.stream(t, "cam") != stream {
		t.Fatal("the publisher came back to another stream")
	}
	if info := stream.Info(); info.Interruptions != 1 {
		t.Errorf("%d interruptions", info.Interruptions)
	}
	pictures := len(v.pictures())
	eventually(t, "more pictures", func() bool { return len(v.pictures()) > pictures+10 })
	v.checkTimes(t)
	if err := again.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	<-v.done
	s.isEmpty(t)
	if i, e, se := s.counts(t, "connection_closed"); i != 1 || e != 1 || se != 0 {
		t.Errorf("%v interruptions, %v ends of sessions and %v of streams are counted", i, e, se)
	}
}

// A DELETE that comes behind the end of the connection, as from a closed tab, still ends the stream at once.
func TestDeleteBehindTheConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, stream := s.startLive(t)
	p.Close()
	eventually(t, "the interruption", func() bool { return stream.Info().State == live.StateInterrupted })
	if err := p.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	s.isEmpty(t)
	if live.Reason(stream.Err()) != "deleted" {
		t.Errorf("the stream ended with %v", stream.Err())
	}
}

// WH-19: with the answer to a DELETE the stream is over for everyone.
func TestDeleteEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, stream := s.startLive(t)
	v := watch(t, stream, live.StartOldest)
	if err := p.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.isEmpty(t)
	<-v.done
	if live.Reason(v.err) != "deleted" || live.Reason(stream.Err()) != "deleted" {
		t.Errorf("the viewer ended with %v, the stream with %v", v.err, stream.Err())
	}
}

// A connection that never comes up is given up, and the key is free again.
func TestHandshakeNeverComes(t *testing.T) {
	t.Parallel()
	ends := make(chan error, 1)
	s := newServer(t, func(o *Options, hub *live.Options) {
		o.Handshake = 100 * time.Millisecond
		hub.Changed = func(_ live.Key, _, to live.State, reason error) {
			if to == live.StateEnded {
				ends <- reason
			}
		}
	})
	s.publish("host") // whose stream may be over by now
	eventually(t, "the end", func() bool { return s.sessions() == 0 })
	s.isEmpty(t)
	if err := <-ends; live.Reason(err) != "handshake" {
		t.Errorf("the stream ended with %v", err)
	}
	if _, e, se := s.counts(t, "handshake"); e != 1 || se != 1 {
		t.Errorf("%v ends of sessions and %v of streams are counted", e, se)
	}
}

// A publisher that connects and sends nothing is given up, too.
func TestMediaNeverComes(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, _ *live.Options) { o.Handshake, o.Timeout = connecting, 100*time.Millisecond })
	c := connectClient(t, s, nil, nil)
	stream := s.stream(t, "cam")
	eventually(t, "the connection", c.connected)
	eventually(t, "the end", func() bool { return s.sessions() == 0 })
	s.isEmpty(t)
	if live.Reason(stream.Err()) != "silence" {
		t.Errorf("the stream ended with %v", stream.Err())
	}
	eventually(t, "the end at the client", func() bool { return c.pc.ConnectionState() == webrtc.PeerConnectionStateClosed })
}

// When the door closes, all sessions end, connected or not, and Run has waited for them.
func TestRunEndsAllSessions(t *testing.T) {
	s := newServer(t)
	s.publish("host") // will never connect
	other := looped
	other.URL = s.http.URL + "/whip/room/other"
	before := goleak.IgnoreCurrent()
	p := s.start(t, other)
	streams := []*live.Stream{s.stream(t, "cam"), s.stream(t, "other")}
	eventually(t, "media", func() bool { return streams[1].Info().State == live.StateLive })
	s.stopHandler()
	s.isEmpty(t)
	for _, stream := range streams {
		if live.Reason(stream.Err()) != "shutdown" {
			t.Errorf("%v ended with %v", stream.Key(), stream.Err())
		}
	}
	if err := p.Wait(); err == nil {
		t.Error("the publisher is not told")
	}
	p.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	if _, e, se := s.counts(t, "shutdown"); e != 2 || se != 2 {
		t.Errorf("%v ends of sessions and %v of streams are counted", e, se)
	}
}

// ending stops a publisher, and returns when nothing is left of it.
type ending func(ctx context.Context, p *publish.Session, stream *live.Stream) error

func byDelete(ctx context.Context, p *publish.Session, _ *live.Stream) error { return p.Delete(ctx) }

// unannounced ends as how does, without a word by HTTP, and waits for the end of the stream.
func unannounced(how func(p *publish.Session)) ending {
	return func(ctx context.Context, p *publish.Session, stream *live.Stream) error {
		how(p)
		select {
		case <-stream.Done():
			return nil
		case <-ctx.Done():
			return fmt.Errorf("the stream is %v: %w", stream.Info().State, context.Cause(ctx))
		}
	}
}

// cycle publishes until a viewer has the first frame, and stops. Nothing of it may live as long as the test.
func (s *server) cycle(ctx context.Context, name string, o publish.Options, end ending) error {
	o.URL, o.Token = s.http.URL+"/whip/room/"+name, token(s.t, "host")
	p, err := publish.Start(ctx, o)
	if err != nil {
		return err
	}
	defer p.Close()
	stream, ok := s.hub.Stream(key(name))
	if !ok {
		return errors.New("there is no stream")
	}
	r := stream.NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest})
	defer r.Close()
	var first [1]live.Frame
	if _, err := r.ReadBatch(ctx, first[:]); err != nil {
		return fmt.Errorf("cannot read a frame: %w", err)
	}
	return end(ctx, p, stream)
}

// cycles does n cycles, a few at a time.
func (s *server) cycles(t *testing.T, n int, o publish.Options, end ending) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var left atomic.Int64
	left.Store(int64(n))
	var workers sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		workers.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.cycle(ctx, name, o, end); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	eventually(t, "the end of all sessions", func() bool { return s.sessions() == 0 })
	s.isEmpty(t)
}

// Two hundred publishers that came and went leave goroutines, descriptors and heap where they were.
func TestTwoHundredCycles(t *testing.T) {
	// What a garbage collection right before does not reach: pools, the runtime's own, timers of some seconds.
	const tolerance = 2 << 20
	s := newServer(t)
	o := publish.Options{H264: videoFile(t, 10), Ogg: audioFile(t, opusPackets(t, 10)), Loop: true}
	settle := func() (goroutines, files int, heap uint64) {
		http.DefaultClient.CloseIdleConnections()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), descriptors(t), m.HeapAlloc
	}
	s.cycles(t, 20, o, byDelete) // what is made once is made now
	goroutines, files, heap := settle()
	s.cycles(t, 200, o, byDelete)
	var g, f int
	var h uint64
	t.Cleanup(func() {
		t.Logf("goroutines %d, before %d; descriptors %d, before %d; heap %d KiB, before %d KiB", g, goroutines, f, files, h>>10, heap>>10)
	})
	eventually(t, "goroutines, descriptors and heap as before", func() bool {
		g, f, h = settle()
		return g <= goroutines && f <= files && h <= heap+tolerance
	})
	if n := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=deleted"); n != 220 {
		t.Errorf("%v ends are counted", n)
	}
}

// A publisher that leaves without a word while its media is on the way ends its stream after the grace time: no
// packet that is still in a buffer then makes the stream live again, which nobody would interrupt any more.
func TestCyclesWithoutDelete(t *testing.T) {
	t.Parallel()
	video, audio := videoFile(t, 60), audioFile(t, opusPackets(t, 100))
	for name, end := range map[string]ending{"closed": unannounced((*publish.Session).Close), "killed": unannounced((*publish.Session).Kill)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *Options, hub *live.Options) { o.Timeout, hub.Grace = 300*time.Millisecond, 200*time.Millisecond })
			// Many small packets: some are always on the way.
			s.cycles(t, 20, publish.Options{H264: video, Ogg: audio, Loop: true, FPS: 500, MTU: 300}, end)
		})
	}
}

// The interruption comes behind the last packet: one written after it would make the stream live again, for good.
func TestInterruptedBehindTheMedia(t *testing.T) {
	t.Parallel()
	var of atomic.Pointer[session]
	s := newServer(t, func(_ *Options, hub *live.Options) {
		hub.Grace = 200 * time.Millisecond
		hub.Log = slog.New(onLog{"stream interrupted", func() {
			over := make(chan struct{})
			go func() {
				defer close(over)
				of.Load().readers.Wait()
			}()
			select {
			case <-over:
			case <-time.After(patience):
				t.Error("tracks are still read when the stream is interrupted")
			}
		}})
	})
	_, stream := s.startLive(t)
	of.Store(s.only())
	of.Load().states <- webrtc.PeerConnectionStateClosed // the publisher knows nothing of it and goes on sending
	eventually(t, "the end", func() bool { return s.sessions() == 0 })
	s.isEmpty(t)
	if live.Reason(stream.Err()) != "connection_closed" {
		t.Errorf("the stream ended with %v", stream.Err())
	}
}

// A publisher that said goodbye is not waited for: its viewers are told before the connection is taken down.
func TestDeleteDoesNotWaitForTheMedia(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, stream := s.startLive(t)
	o := s.only()
	o.readers.Add(1) // a track that is slow to go
	deleted := make(chan struct{})
	go func() {
		defer close(deleted)
		o.delete()
	}()
	select {
	case <-stream.Done():
	case <-time.After(patience):
		t.Error("the stream waits for the tracks")
	}
	o.readers.Done()
	<-deleted
	s.isEmpty(t)
}

// only is the one session that there is.
func (s *server) only() *session {
	for _, o := range s.handler.sessions.All() {
		return o
	}
	return nil
}

// onLog calls do for each record that says msg.
type onLog struct {
	msg string
	do  func()
}

func (onLog) Enabled(context.Context, slog.Level) bool { return true }

func (l onLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == l.msg {
		l.do()
	}
	return nil
}

func (l onLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l onLog) WithGroup(string) slog.Handler      { return l }
