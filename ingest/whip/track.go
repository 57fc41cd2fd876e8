package whip

import (
	"errors"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/ingest/depacket"
	"weir/mux/av"
	"weir/room/live"
)

const (
	// The ring holds what may come between a lost packet and its retransmission: half a second at 10 Mbit/s.
	videoSlots = 512
	audioSlots = 64
	// receiveMTU is the largest RTP packet taken: an Ethernet frame.
	receiveMTU = 1500
)

// Tracks keep their ids for the life of a stream, also across publishers.
const (
	videoID av.TrackID = 1
	audioID av.TrackID = 2
)

// track is the way of one media section's packets into the hub: reorder ring, depacketizer, clock, publisher.
type track struct {
	section *section
	id      av.TrackID
	session *session
	remote  *webrtc.TrackRemote

	mu     sync.Mutex // guards the fields below: the reading goroutine and the session's share them
	ring   *depacket.Reorder
	clock  *depacket.Clock
	dts    depacket.DTS
	video  depacket.Video // nil for audio
	audio  *depacket.Opus
	red    *depacket.RED // nil when it was not agreed on
	report reception
	meter  meter
	seen   time.Duration // when the last packet came
	last   time.Duration // DTS of the last frame
	wrote  bool
}

func newTrack(s *session, sec *section, id av.TrackID, remote *webrtc.TrackRemote) *track {
	t := &track{section: sec, session: s, remote: remote, id: id}
	t.clock = s.sync.Clock(sec.params.ClockRate, sec.kind == webrtc.RTPCodecTypeAudio)
	wait := s.handler.opts.Reorder
	if sec.kind == webrtc.RTPCodecTypeVideo {
		t.video = depacket.NewVideo(sec.codec, t)
		if t.layer() == "" {
			t.video.Announce(sec.sets) // they do not say of which layer they are
		}
		t.ring = depacket.NewReorder(videoSlots, wait, t.video)
	} else {
		t.audio = depacket.NewOpus(t, sec.channels())
		t.ring = depacket.NewReorder(audioSlots, wait, t.audio)
		if sec.red != nil {
			t.red = depacket.NewRED(t.ring, uint8(sec.params.PayloadType))
		}
	}
	t.report.rate = sec.params.ClockRate
	return t
}

// read takes the track's packets until the connection is closed. It is one goroutine; the buffer and the header
// are used again for every packet.
func (t *track) read() {
	var (
		buf    [receiveMTU]byte
		header rtp.Header
		packet depacket.Packet
	)
	for {
		n, _, err := t.remote.Read(buf[:])
		if err != nil && !errors.Is(err, webrtc.ErrCodecNotFound) { // the packet is there, of a type nobody agreed on
			return // the connection was closed; the session tells why
		}
		now := t.session.now()
		if err := packet.Parse(&header, buf[:n]); err != nil {
			t.session.handler.stats.badPackets.Inc()
			continue
		}
		packet.Arrival = now
		if id := t.section.transportCC; id != 0 {
			t.session.feedback.note(&header, id, now)
		}
		t.take(&packet, now)
	}
}

func (t *track) take(p *depacket.Packet, now time.Duration) {
	t.mu.Lock()
	t.seen = now
	t.report.note(p, now)
	t.pushLocked(p)
	ask := t.pumpLocked(now)
	t.mu.Unlock()
	t.session.feedback.nack(t, ask)
}

// pushLocked puts a packet into the ring. One of a type that was not agreed on, such as comfort noise, is a packet of
// nothing: it has its sequence number all the same.
func (t *track) pushLocked(p *depacket.Packet) {
	switch {
	case t.red != nil && p.Type == uint8(t.section.red.PayloadType):
		t.red.Push(p)
	case p.Type != uint8(t.section.params.PayloadType):
		p.Payload = nil
		fallthrough
	default:
		t.ring.Push(p)
	}
}

// tick does what is due while no packet comes.
func (t *track) tick(now time.Duration) {
	t.mu.Lock()
	ask := t.pumpLocked(now)
	if t.audio != nil && !t.ring.Waiting() {
		t.audio.Tick(now)
	}
	t.mu.Unlock()
	t.session.feedback.nack(t, ask)
}

// pumpLocked gives up on what is late and lists what to ask for again.
func (t *track) pumpLocked(now time.Duration) []uint16 {
	if !t.ring.Waiting() {
		return nil
	}
	t.ring.Expire(now)
	if !t.section.sends("nack", "") {
		return nil
	}
	return t.ring.Missing(nil, now) // allocates when something is missing only
}

// Unit implements depacket.Receiver: it places an access unit on the stream's clock and writes it.
func (t *track) Unit(u depacket.Unit) {
	pts, shift := t.clock.At(&u)
	dts := pts
	if t.video != nil {
		var err error
		if dts, err = t.dts.At(&u, pts); err != nil {
			t.Broken()
			return
		}
	}
	pts, dts = pts+shift, dts+shift
	if t.wrote && dts <= t.last {
		// A source whose own timestamps stand still or go back: time does not.
		dts = t.last + time.Millisecond
		pts = max(pts, dts)
	}
	f := av.Frame{
		Track: t.id, Codec: t.section.codec, Key: u.Key, DTS: dts, PTS: pts, Data: u.Data,
		Wall: t.session.wall(pts),
	}
	if u.Config != nil {
		u.Config.ID, u.Config.Layer = t.id, t.layer()
		t.write(&av.Frame{Track: t.id, Kind: av.KindConfig, Codec: f.Codec, DTS: dts, PTS: dts, Wall: f.Wall, Config: u.Config})
	}
	t.write(&f)
	t.last, t.wrote = dts, true
}

func (t *track) write(f *av.Frame) {
	err := t.session.publisher.Write(f)
	if err != nil && !errors.Is(err, live.ErrGone) {
		t.session.log.Debug("frame refused", "track", t.section.codec, "error", err)
	}
}

// Broken implements depacket.Receiver: pictures are being dropped until there is a key frame.
func (t *track) Broken() { t.session.publisher.Stream().WantKeyFrame("loss") }
