package whip

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"weir/ingest/depacket"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/signaling"
)

// tickEvery is the pace at which a session looks after what no packet drives.
const tickEvery = transportEvery

const (
	// maxWallBehind and maxWallAhead are how far capture times by the sender's clock may be from the arrival: past
	// them its clock is wrong, and ours tells more.
	maxWallBehind = 2 * time.Second
	maxWallAhead  = 500 * time.Millisecond
	wallStep      = tickEvery / 100 // a tick
)

// maxTracks bounds the sources that a session reads: those that the offer announces, and a few more of a sender that
// begins anew under another SSRC (RFC 3550 8.2).
const maxTracks = 16

// session is one publisher's peer connection, from the answer to the end.
type session struct {
	id        string
	handler   *Handler
	offer     *offer
	pc        *webrtc.PeerConnection
	publisher *live.Publisher
	feedback  *feedback
	sync      depacket.Sync
	ice       *signaling.Negotiation
	firstTag  string // the entity-tag that the 201 has
	answer    string // the SDP that the 201 has
	log       *slog.Logger
	started   time.Time     // when the stream's clock was 0
	ahead     time.Duration // by which this publisher's clock is before the stream's; see attach
	opened    time.Time
	settled   func() // gives back the place among those that are connecting; set before run

	states  chan webrtc.PeerConnectionState // capacity 8: there are six
	keyWant chan struct{}                   // capacity 1
	crowd   chan struct{}                   // capacity 1: there are more sources than maxTracks
	deleted chan struct{}                   // closed by DELETE
	once    sync.Once                       // of deleted
	finish  chan struct{}                   // closed when run is over
	answers uint64                          // to consent checks, as many as roundTrip has seen
	ready   chan struct{}                   // closed when publisher, log and clock are set: tracks wait for it

	mu      sync.Mutex // guards the fields below
	tracks  []*track
	closing bool
	readers sync.WaitGroup // goroutines of tracks; added to only while not closing

	connected atomic.Bool
	captured  atomic.Int64 // time.Duration by which capture is behind (less than 0) the arrival; see moveWall
}

func newSession(h *Handler, id string, o *offer, pc *webrtc.PeerConnection) *session {
	s := &session{
		id: id, handler: h, offer: o, pc: pc,
		feedback: newFeedback(pc, rand.Uint32(), h.stats),
		states:   make(chan webrtc.PeerConnectionState, 8),
		keyWant:  make(chan struct{}, 1),
		crowd:    make(chan struct{}, 1),
		deleted:  make(chan struct{}),
		finish:   make(chan struct{}),
		ready:    make(chan struct{}),
	}
	s.ice, s.firstTag = signaling.NewNegotiation(o.ufrag, o.pwd, o.offered, o.mids)
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		select {
		case s.states <- state:
		case <-s.finish:
		}
	})
	pc.OnTrack(s.onTrack)
	return s
}

// attach gives the session its publisher. Its clock is the stream's, but never behind what the stream has: media that
// came in a burst ran ahead of its arrival, and this publisher goes on behind it, all tracks alike.
func (s *session) attach(p *live.Publisher) {
	s.publisher, s.started, s.opened = p, p.Stream().Started(), time.Now()
	if newest, ok := p.Newest(); ok {
		s.ahead = max(0, newest+time.Millisecond-s.now())
	}
}

// now is the time that media gets that arrives now.
func (s *session) now() time.Duration { return time.Since(s.started) + s.ahead }

// wall is when media of a time was captured by the sender's clock, as far as it tells and is near ours, else when it
// arrived; it knows nothing of what the publishers before had ahead.
func (s *session) wall(at time.Duration) time.Time {
	return s.started.Add(at - s.ahead + time.Duration(s.captured.Load()))
}

// moveWall brings wall times nearer to those of the sender's reports: slowly, since players compare them with the
// times between the pictures.
func (s *session) moveWall(now time.Duration) {
	origin, ok := s.sync.Captured(now)
	if !ok {
		return
	}
	off := time.Unix(0, int64(origin)).Sub(s.started.Add(-s.ahead))
	if off > maxWallAhead || off < -maxWallBehind {
		return
	}
	have := time.Duration(s.captured.Load())
	s.captured.Store(int64(have + min(max(off-have, -wallStep), wallStep)))
}

// wantKeyFrame is live.PublishOptions.KeyFrame: it only leaves word for run.
func (s *session) wantKeyFrame() {
	select {
	case s.keyWant <- struct{}{}:
	default:
	}
}

// onTrack is called by the peer connection, in a goroutine of its own, when a section's media is about to come.
func (s *session) onTrack(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	sec := s.offer.audio
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		sec = s.offer.video
	}
	select {
	case <-s.ready:
	case <-s.finish:
		return
	}
	s.mu.Lock()
	id, ok := sec.track(remote.RID())
	if s.closing || !ok {
		s.mu.Unlock()
		return
	}
	if len(s.tracks) == maxTracks {
		s.mu.Unlock()
		select {
		case s.crowd <- struct{}{}:
		default: // run knows already
		}
		return
	}
	t := newTrack(s, sec, id, remote)
	s.tracks = append(s.tracks, t)
	s.readers.Go(func() { t.readReports(receiver) })
	s.readers.Add(1)
	s.mu.Unlock()
	defer s.readers.Done()
	t.read()
}

// readReports takes the RTCP that the publisher sends with a track.
func (t *track) readReports(receiver *webrtc.RTPReceiver) {
	var buf [receiveMTU]byte
	for {
		n, err := t.readReport(receiver, buf[:])
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			t.session.handler.stats.badPackets.Inc()
			continue
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == uint32(t.remote.SSRC()) {
				t.mu.Lock()
				now := t.session.now()
				t.report.senderReport, t.report.senderReportAt = uint32(sr.NTPTime>>16), now
				t.mu.Unlock()
				t.clock.Report(sr.NTPTime, sr.RTPTime, now)
			}
		}
	}
}

func (s *session) snapshot() []*track {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tracks
}

// videos are the tracks of the picture: the layers of a simulcast, or one.
func (s *session) videos() (out []*track) {
	for _, t := range s.snapshot() {
		if t.video != nil {
			out = append(out, t)
		}
	}
	return out
}

// run looks after the session until it is over, takes it down, and then stays for as long as the stream may wait for
// this publisher: a browser tab that is closed may cut the connection before its DELETE arrives.
func (s *session) run(ctx context.Context) {
	defer close(s.finish)
	defer s.handler.forget(s)
	s.log.Info("publisher came", "video", s.offer.video != nil, "audio", s.offer.audio != nil)
	reason := s.attend(ctx)
	s.noteFailure(reason)
	s.log.Info("publisher left", "reason", reason)
	s.handler.stats.ends.WithLabelValues(live.Reason(reason)).Inc()
	s.leave(reason)
	select {
	case <-s.publisher.Done():
	case <-s.deleted:
		s.publisher.End(errDeleted)
	case <-ctx.Done():
		s.publisher.End(endOf(ctx))
	}
}

// endOf is why a session is over whose context is done.
func endOf(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, auth.ErrEnds) {
		return err
	}
	return errShutdown
}

// leave takes the connection down and tells the hub. A publisher that said goodbye is done, and its viewers do not
// wait for the connection. Any other may come back within the grace time, which begins behind its last packet: one
// that came later would make the stream live again, and nobody would be there to interrupt it.
func (s *session) leave(reason error) {
	if errors.Is(reason, errDeleted) || errors.Is(reason, errShutdown) || errors.Is(reason, auth.ErrEnds) {
		s.publisher.End(reason)
		s.disconnect()
		return
	}
	s.disconnect()
	s.publisher.Interrupt(reason)
}

// attend is the session's loop; it returns why the session is over.
func (s *session) attend(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	handshake := time.NewTimer(s.handler.opts.Handshake)
	defer handshake.Stop()
	isUp := s.handler.opts.Engine.Hurry()
	defer isUp()
	defer s.settled()
	reports := 0
	for {
		select {
		case <-ctx.Done():
			return endOf(ctx)
		case <-s.deleted:
			return errDeleted
		case <-s.publisher.Done():
			return s.publisher.Err()
		case <-handshake.C:
			if !s.connected.Load() {
				return errHandshake
			}
		case state := <-s.states:
			if err := s.stateChanged(state); err != nil {
				return err
			}
			if s.connected.Load() {
				isUp()
				s.settled()
			}
		case <-s.crowd:
			return errCrowd
		case <-s.keyWant:
			s.feedback.keyFrame(s.videos())
		case <-tick.C:
			reports++
			if err := s.tick(reports%int(reportEvery/tickEvery) == 0); err != nil {
				return err
			}
		}
	}
}

func (s *session) stateChanged(state webrtc.PeerConnectionState) error {
	s.log.Debug("connection", "state", state)
	switch state {
	case webrtc.PeerConnectionStateConnected:
		s.connected.Store(true)
		return nil
	case webrtc.PeerConnectionStateFailed:
		return s.failed()
	case webrtc.PeerConnectionStateClosed:
		return errClosed
	default:
		return nil
	}
}

// failed is called when nothing of the connection is left to go on with. A connection whose certificate or keys were
// not agreed on is over. One whose path was lost waits for an ICE restart (RFC 9725 4.3.3), at most for as long as the
// stream waits for its publisher, or its handshake may take.
func (s *session) failed() error {
	if s.pc.SCTP().Transport().State() == webrtc.DTLSTransportStateFailed {
		return errFailed
	}
	if s.connected.Load() {
		s.publisher.Interrupt(errFailed)
	}
	return nil
}

// tick sends the feedback that is due and watches for silence. A publisher that falls silent may come back on this
// very connection; one that connected and never sent anything is given up.
func (s *session) tick(withReport bool) error {
	now, tracks := s.now(), s.snapshot()
	var seen time.Duration
	for _, t := range tracks {
		t.tick(now)
		t.mu.Lock()
		seen = max(seen, t.seen)
		t.mu.Unlock()
	}
	s.moveWall(now)
	s.feedback.sendTransport()
	if withReport {
		s.feedback.report(tracks, now)
		s.roundTrip(tracks)
		for _, t := range tracks {
			t.measure(now)
		}
	}
	switch o := &s.handler.opts; {
	case seen > 0 && now-seen > o.Timeout:
		s.publisher.Interrupt(errSilence) // harmless when said again
	case seen == 0 && time.Since(s.opened) > o.Handshake+o.Timeout:
		return errSilence
	}
	return nil
}

// delete ends the session at the publisher's wish and waits until its end is seen by all.
func (s *session) delete() {
	s.once.Do(func() { close(s.deleted) })
	<-s.finish
}

// disconnect takes the connection down and waits for the goroutines of its tracks.
func (s *session) disconnect() {
	s.ice.Close()
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	if err := s.pc.GracefulClose(); err != nil {
		s.log.Debug("cannot close the connection cleanly", "error", err)
	}
	s.readers.Wait()
}
