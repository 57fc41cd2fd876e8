package publish

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"weir/mux/av"
)

// reportInterval is how often sender reports are sent; the first is due early, since receivers cannot put sound
// and picture together without it (RFC 3550 6.2 allows an early first one).
const (
	reportInterval = time.Second
	firstReport    = 200 * time.Millisecond
)

// Session is one publication. Its methods may be called by several goroutines.
type Session struct {
	options Options
	clip    *clip // nil if there is no video
	packets []opusPacket
	peer    *peer

	offer, answer, url string
	tag                string // the entity-tag of the ICE session
	restarting         sync.Mutex
	origin             time.Time // the capture time of the first picture and the first sound

	connected   chan struct{}
	connectOnce sync.Once
	done        chan struct{} // closed with the end of the media, of the connection or of the session
	doneOnce    sync.Once
	err         error // why done was closed; valid after it

	ending atomic.Bool // this side ends the connection
	ctx    context.Context
	cancel context.CancelFunc
	media  sync.WaitGroup // the goroutines that send media
	rest   sync.WaitGroup // all others
}

func newSession(o Options) *Session {
	s := &Session{options: o, connected: make(chan struct{}), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// onState follows the peer connection.
func (s *Session) onState(state webrtc.PeerConnectionState) {
	switch state {
	case webrtc.PeerConnectionStateConnected:
		s.connectOnce.Do(func() { close(s.connected) })
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		mayComeBack := state == webrtc.PeerConnectionStateFailed && s.options.Hole != nil
		if !s.ending.Load() && !mayComeBack {
			s.finish(ErrLost)
		}
	default:
	}
}

// begin starts the media.
func (s *Session) begin() {
	s.origin = time.Now()
	for _, t := range s.tracks() {
		s.rest.Go(t.readFeedback)
	}
	if t := s.peer.video; t != nil {
		s.media.Go(func() { s.play(s.sendVideo) })
	}
	if t := s.peer.audio; t != nil {
		s.media.Go(func() { s.play(s.sendAudio) })
	}
	if !s.options.SkipSR {
		s.rest.Go(s.sendReports)
	}
	s.rest.Go(func() {
		s.media.Wait()
		s.finish(nil)
	})
}

// play runs one track's sending. A write that fails while nobody ends the session is a lost connection.
func (s *Session) play(send func() error) {
	if err := send(); err != nil && !s.ending.Load() {
		s.finish(err)
	}
}

func (s *Session) tracks() []*track {
	var out []*track
	for _, t := range []*track{s.peer.video, s.peer.audio} {
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}

// sendVideo sends the pictures, each at its time.
func (s *Session) sendVideo() error {
	t := s.peer.video
	fps := int64(s.options.FPS)
	next := 0
	for n := int64(0); ; n++ {
		ticks := n * videoRate / fps
		pts := av.Duration(ticks, videoRate)
		if !s.waitUntil(pts) {
			return nil
		}
		if t.keyWanted.Swap(false) && !s.options.SkipPLI {
			next = s.keyFrom(next)
		}
		if next == len(s.clip.units) {
			if !s.options.Loop {
				return nil
			}
			next = 0
		}
		nals := s.clip.units[next].NALs
		if s.options.OnNAL != nil {
			for _, nal := range nals {
				s.options.OnNAL(nal, pts)
			}
		}
		if err := t.send(s.clip.packetize(nals, s.options.MTU-packetOverhead), ticks, true); err != nil {
			return err
		}
		next++
	}
}

// keyFrom is the place of the first key frame at or after the picture at i, from the file's beginning if there is none and
// the file is looped.
func (s *Session) keyFrom(i int) int {
	for k := i; k < len(s.clip.units); k++ {
		if s.clip.units[k].Key {
			return k
		}
	}
	if s.options.Loop {
		return 0
	}
	return i
}

// sendAudio sends the packets, each at its time.
func (s *Session) sendAudio() error {
	var ticks int64
	for i := 0; ; i++ {
		if i == len(s.packets) {
			if !s.options.Loop {
				return nil
			}
			i = 0
		}
		p := s.packets[i]
		pts := av.Duration(ticks, audioRate)
		if !s.waitUntil(pts) {
			return nil
		}
		if s.options.OnOpus != nil {
			s.options.OnOpus(p.data, pts)
		}
		if err := s.peer.audio.send([][]byte{p.data}, ticks, false); err != nil {
			return err
		}
		ticks += p.samples
	}
}

// waitUntil waits for the time pts after the origin. Deadlines are absolute, so that a late one does not delay those
// after it. It returns false if the session ends first.
func (s *Session) waitUntil(pts time.Duration) bool {
	timer := time.NewTimer(time.Until(s.origin.Add(pts)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.ctx.Err() == nil
	case <-s.ctx.Done():
		return false
	}
}

// sendReports sends sender reports until the session ends.
func (s *Session) sendReports() {
	for due := firstReport; s.waitUntil(due); due += reportInterval {
		now := time.Now()
		for _, t := range s.tracks() {
			// An error is the connection's, which is noticed where media is sent.
			_ = s.peer.pc.WriteRTCP([]rtcp.Packet{t.report(t.ssrc(), s.origin, now)})
		}
	}
}

// finish notes the end of the media and why; the first reason stays.
func (s *Session) finish(err error) {
	s.doneOnce.Do(func() {
		s.err = err
		close(s.done)
	})
}

// Wait waits for the end: nil when the files are over (not with Loop) or the session was ended here, ErrLost or the
// failure of a write otherwise. The connection stays up until Delete, Close or Kill.
func (s *Session) Wait() error {
	<-s.done
	return s.err
}

// Done is closed when Wait returns.
func (s *Session) Done() <-chan struct{} { return s.done }

// Delete ends the session at the server, as RFC 9725 wants it, and then here.
func (s *Session) Delete(ctx context.Context) error {
	s.ending.Store(true)
	err := remove(ctx, &s.options, s.url)
	s.end(func() { s.peer.close() })
	return err
}

// Close ends the connection by DTLS, as a closed tab of a browser does, without telling the server by HTTP.
func (s *Session) Close() { s.end(func() { s.peer.close() }) }

// Kill vanishes as by SIGKILL: the socket is gone and nothing more is sent, no RTCP BYE, no DTLS close_notify.
func (s *Session) Kill() { s.end(s.peer.kill) }

func (s *Session) end(how func()) {
	s.ending.Store(true)
	how()
	s.cancel()
	s.media.Wait()
	s.rest.Wait()
	s.finish(nil)
}

// SentVideo tells how much video was sent.
func (s *Session) SentVideo() Sent { return sentBy(s.peer.video) }

// SentAudio tells how much audio was sent.
func (s *Session) SentAudio() Sent { return sentBy(s.peer.audio) }

func sentBy(t *track) Sent {
	if t == nil {
		return Sent{}
	}
	return t.sent()
}

// PLICount tells how many key frames were asked for, by PLI or FIR.
func (s *Session) PLICount() uint64 {
	if s.peer.video == nil {
		return 0
	}
	return s.peer.video.pli.Load()
}

// NACKCount tells how many packets were asked for again.
func (s *Session) NACKCount() uint64 {
	return s.sum(func(t *track) uint64 { return t.nack.Load() })
}

// ReportCount tells how many receiver reports came, one for each track that it reports on.
func (s *Session) ReportCount() uint64 {
	return s.sum(func(t *track) uint64 { return t.reports.Load() })
}

// TransportCount tells how many packets of transport-wide feedback came.
func (s *Session) TransportCount() uint64 {
	return s.sum(func(t *track) uint64 { return t.arrivals.Load() })
}

func (s *Session) sum(count func(*track) uint64) uint64 {
	var n uint64
	for _, t := range s.tracks() {
		n += count(t)
	}
	return n
}

// Offer is the SDP that was offered.
func (s *Session) Offer() string { return s.offer }

// Answer is the server's SDP.
func (s *Session) Answer() string { return s.answer }

// URL is the session's own, which PATCH and DELETE go to.
func (s *Session) URL() string { return s.url }

// Origin is the capture time of the first picture and the first sound.
func (s *Session) Origin() time.Time { return s.origin }
