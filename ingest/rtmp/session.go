package rtmp

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/mux/rtmp"
	"weir/room/auth"
	"weir/room/live"
	"weir/room/live/timeline"
)

// tickEvery is the pace at which silence is looked for.
const tickEvery = 250 * time.Millisecond

// session is a publisher, from its publish command to its end.
type session struct {
	*conn
	publisher *live.Publisher
	grant     auth.Grant
	log       *slog.Logger

	bodies       flv.Bodies
	millis       timeline.Millis
	writer       *timeline.Writer
	video, audio track

	seen atomic.Int64 // when the last media came, as s.writer.Now

	jumps atomic.Uint64

	mu     sync.Mutex // guards the fields below
	cause  error      // why the watcher closed the connection
	meters [2]meter   // of video and audio
}

// track counts what one of the two tracks of a publisher brought.
type track struct {
	id av.TrackID

	// What was handed on and what was not; any goroutine may read them.
	bytes, units, damaged, dropped atomic.Uint64
}

func newSession(c *conn, grant auth.Grant) *session {
	return &session{conn: c, grant: grant, video: track{id: timeline.VideoID}, audio: track{id: timeline.AudioID}}
}

// attach gives the session its publisher.
func (s *session) attach(p *live.Publisher) {
	s.publisher, s.writer = p, timeline.NewWriter(p)
	s.log = s.conn.log.With("stream", p.Stream().Key().String(), "user", p.User())
	s.seen.Store(int64(s.writer.Now() + s.server.opts.Handshake)) // encoders may connect before they have anything
}

// run takes the publisher's media until it is over, and tells the hub why.
func (s *session) run(ctx context.Context) {
	s.server.stats.sessions.Inc()
	s.server.stats.active.Inc()
	defer s.server.stats.active.Dec()
	s.log.Info("publisher came")
	done := make(chan struct{})
	var watcher sync.WaitGroup
	bound, stop := s.grant.Bound(ctx)
	defer stop()
	watcher.Go(func() { s.watch(bound, done) })
	err := s.take()
	close(done)
	watcher.Wait()
	s.leave(s.reason(err))
}

// take reads messages until one of them ends the session or none can be read.
func (s *session) take() error {
	for {
		m, err := s.read()
		if err != nil {
			return err
		}
		switch m.Type {
		case rtmp.TypeAudio, rtmp.TypeVideo:
			err = s.media(m)
		case rtmp.TypeCommand, rtmp.TypeCommand3:
			err = s.command(m)
		}
		if err != nil {
			return err
		}
	}
}

// command takes a command of a publisher: all that counts is a goodbye (7.2.2.3).
func (s *session) command(m rtmp.Message) error {
	cmd, err := rtmp.ParseCommand(m)
	if err != nil {
		return err
	}
	switch cmd.Name {
	case "FCUnpublish", "deleteStream", "closeStream":
		return errUnpublished
	case "publish": // one stream a connection: the first goes on
		return s.out.status("error", "NetStream.Publish.BadName", "this connection publishes already")
	default:
		return s.answer(&cmd)
	}
}

// watch looks after what no message drives. It closes the connection when the session is over for another reason
// than the peer's.
func (s *session) watch(ctx context.Context, done <-chan struct{}) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-ctx.Done():
			s.cut(endOf(ctx))
			return
		case <-s.publisher.Done():
			s.cut(s.publisher.Err())
			return
		case <-tick.C:
			if n%int(meterEvery/tickEvery) == 0 {
				s.measure()
			}
			// The connection may only be slow: it stays for as long as the stream waits for its publisher, which
			// Done then says.
			if s.writer.Now()-time.Duration(s.seen.Load()) > s.server.opts.Timeout {
				s.publisher.Interrupt(errSilence) // harmless when said again
			}
		}
	}
}

// endOf is why a session is over whose context is done.
func endOf(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, auth.ErrEnds) {
		return err
	}
	return errShutdown
}

// cut ends the connection under the reading goroutine.
func (s *session) cut(cause error) {
	s.mu.Lock()
	s.cause = cause
	s.mu.Unlock()
	if !errors.Is(cause, errSilence) { // who is gone reads nothing
		_ = s.out.status("error", "NetStream.Publish.Rejected", cause.Error())
	}
	_ = s.Close()
}

// reason is why the session is over, after take ended with err.
func (s *session) reason(err error) error {
	s.mu.Lock()
	cause := s.cause
	s.mu.Unlock()
	if cause != nil {
		return cause
	}
	var told *refusal
	if errors.Is(err, errUnpublished) || errors.As(err, &told) {
		return err
	}
	return ioReason(err)
}

// leave tells the hub and the peer. A publisher that said goodbye is done; any other may come back within the grace
// time.
func (s *session) leave(reason error) {
	s.log.Info("publisher left", "reason", reason, "clock_jumps", s.writer.Jumps())
	s.server.stats.ends.WithLabelValues(live.Reason(reason)).Inc()
	var told *refusal
	switch {
	case errors.Is(reason, errUnpublished):
		s.publisher.End(reason)
		_ = s.out.status("status", "NetStream.Unpublish.Success", reason.Error()) // it may be gone already
		s.linger()                                                                // closing first would look like a failure to some encoders
	case errors.Is(reason, errShutdown), errors.Is(reason, auth.ErrEnds):
		s.publisher.End(reason)
	case errors.As(reason, &told):
		s.publisher.Interrupt(reason)
		s.goodbye(told)
	default:
		s.publisher.Interrupt(reason)
	}
}

// media takes an audio or video message.
func (s *session) media(m rtmp.Message) error {
	kind, t := kindVideo, &s.video
	if m.Type == rtmp.TypeAudio {
		kind, t = kindAudio, &s.audio
	}
	u, err := s.bodies.Read(m.Type, m.Body)
	switch {
	case errors.Is(err, flv.ErrCodec):
		what := strings.TrimPrefix(err.Error(), flv.ErrCodec.Error()+": ")
		return refuse("codec", "%s cannot be carried: send H.264 and AAC", what)
	case err != nil:
		s.count(t, kind, fateDamaged)
		s.log.Debug("message is damaged", "kind", kind, "error", err)
		if kind == kindVideo {
			s.writer.Damaged()
		}
		return nil //nolint:nilerr // the next message may be whole
	}
	if u.Config != nil {
		if err := s.check(u.Config); err != nil {
			return err
		}
		s.writer.Configure(u.Config)
	}
	if len(u.Data) == 0 {
		return nil
	}
	s.write(t, kind, &u, s.millis.Time(m.Time))
	return nil
}

// write hands an access unit on whose message has the time at.
func (s *session) write(t *track, kind kind, u *flv.Unit, at time.Duration) {
	s.seen.Store(int64(s.writer.Now()))
	jumps := s.writer.Jumps()
	err := s.writer.Write(&av.Frame{Codec: u.Codec, Key: u.Key, DTS: at, PTS: at + u.Composition, Data: u.Data})
	if s.writer.Jumps() != jumps {
		s.server.stats.jumps.Inc()
		s.jumps.Add(1)
		s.log.Debug("timestamps jumped", "to", at)
	}
	switch {
	case errors.Is(err, timeline.ErrNoKey):
		s.count(t, kind, fateDropped)
		return
	case err != nil && !errors.Is(err, live.ErrGone):
		s.log.Debug("frame refused", "track", u.Codec, "error", err)
	}
	t.bytes.Add(uint64(len(u.Data)))
	s.count(t, kind, fateHandedOn)
}

// check refuses a track that the publisher may not send or the server does not take.
func (s *session) check(t *av.Track) error {
	right := auth.RightSendAudio
	if t.Codec.IsVideo() {
		right = auth.RightSendVideo
		if !s.server.takes(t.Codec) {
			return refuse("codec", "%v video is not taken by this server (ingest.codecs)", t.Codec)
		}
	}
	if !s.grant.Rights.Has(right) {
		return refuse("forbidden", "the token does not allow all that is sent")
	}
	return nil
}
