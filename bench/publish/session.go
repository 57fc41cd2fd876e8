package publish

import (
	"context"
	"slices"
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
	clips   []*clip // of each video track: the layers, or one; none without video
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
		s.rest.Go(func() { t.readFeedback(s.wantKeyFrame) })
	}
	for i, t := range s.peer.videos {
		s.media.Go(func() { s.play(func() error { return s.sendVideo(t, s.clips[i]) }) })
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

// wantKeyFrame makes a key frame of all layers the next, as browsers do.
func (s *Session) wantKeyFrame() {
	for _, t := range s.peer.videos {
		t.keyWanted.Store(true)
	}
}

// play runs one track's sending. A write that fails while nobody ends the session is a lost connection.
func (s *Session) play(send func() error) {
	if err := send(); err != nil && !s.ending.Load() {
		s.finish(err)
	}
}

func (s *Session) tracks() []*track {
	out := slices.Clone(s.peer.videos)
	if s.peer.audio != nil {
		out = append(out, s.peer.audio)
	}
	return out
}

// sendVideo sends the pictures of a track, each at its time.
func (s *Session) sendVideo(t *track, c *clip) error {
	size := s.options.MTU - packetOverhead - t.overhead
	fps := int64(s.options.FPS)
	next := 0
	for n := int64(0); ; n++ {
		ticks := n * videoRate / fps
		pts := av.Duration(ticks, videoRate)
		if !s.waitUntil(pts) {
			return nil
		}
		if t.keyWanted.Swap(false) && !s.options.SkipPLI {
			next = s.keyFrom(c.units, next)
		}
		if next == len(c.units) {
			if !s.options.Loop {
				return nil
			}
			next = 0
		}
		nals := c.units[next].NALs
		next++
		if t.paused.Load() {
			continue
		}
		if s.options.OnNAL != nil {
			for _, nal := range nals {
				s.options.OnNAL(nal, pts)
			}
		}
		if err := t.send(c.packetize(nals, size), ticks, true); err != nil {
			return err
		}
	}
}

// keyFrom is the place of the first key frame at or after the picture at i, from the file's beginning if there is none and
// the file is looped.
func (s *Session) keyFrom(units []AccessUnit, i int) int {
	for k := i; k < len(units); k++ {
		if units[k].Key {
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

// Pause stops sending a layer, as browsers do when the path has no room for it; its clock goes on. Resume begins
// again, with whatever picture is next.
func (s *Session) Pause(rid string) { s.pause(rid, true) }

// Resume is the opposite of Pause.
func (s *Session) Resume(rid string) { s.pause(rid, false) }

func (s *Session) pause(rid string, on bool) {
	for _, t := range s.peer.videos {
		if t.local.RID() == rid {
			t.paused.Store(on)
		}
	}
}

// SentVideo tells how much video was sent, all layers together.
func (s *Session) SentVideo() (sum Sent) {
	for _, t := range s.peer.videos {
		sent := t.sent()
		sum.Frames += sent.Frames
		sum.Packets += sent.Packets
		sum.Bytes += sent.Bytes
	}
	return sum
}

// SentAudio tells how much audio was sent.
func (s *Session) SentAudio() Sent {
	if s.peer.audio == nil {
		return Sent{}
	}
	return s.peer.audio.sent()
}

// PLICount tells how many key frames were asked for, by PLI or FIR. A request of all layers counts once.
func (s *Session) PLICount() (most uint64) {
	for _, t := range s.peer.videos {
		most = max(most, t.pli.Load())
	}
	return most
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
