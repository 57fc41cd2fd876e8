package sender

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/pion/rtcp"

	"weir/mux/av"
	"weir/mux/rtp"
	"weir/room/live"
	"weir/rtc/estimate"
)

const (
	// pieceSize is how many packets leave at once: what the kernel takes in a system call, and a few milliseconds.
	pieceSize = 24
	// stale is the age up to which sound is sent to who joins: the pictures of a group leave as fast as can be, but sound
	// would be played at its pace.
	stale = 100 * time.Millisecond
	// join is the shortest time between two wakes, each with a picture: sound, which comes fifty times a second, leaves with
	// the picture beside it, and a system call a picture is a third less work than one for each packet of sound as well.
	join = 20 * time.Millisecond
	// lagWindow is the time in which lags are counted.
	lagWindow = time.Minute
	// keyAgain is the pace at which a key frame is asked for that does not come, and that a viewer's requests are heard.
	keyAgain = time.Second
)

// Options say what is sent, and to whom.
type Options struct {
	Stream *live.Stream
	// Layer is the simulcast layer that the viewer asked for. Without one the sender chooses by what the path carries.
	Layer        string
	To           Transport
	Video, Audio *Track // nil when not agreed on
	// Declined says that the viewer asked for video when there was none: with the first picture it has to ask again.
	// Silent says the same of sound.
	Declined, Silent bool
	CNAME            string // at most 255 bytes (RFC 3550 6.5)
	// Estimate follows the path; nil is rtc/estimate's.
	Estimate Estimator
	// Live says that who gets it puts each track into its time as it comes, as servers do: it begins with a key frame that is
	// asked for, and sound is from the same time on. Where none comes for a moment both are as old as the group at hand.
	Live bool
	// MaxLags a minute are allowed.
	MaxLags int
	Stats   *Stats
	// Name is the reader's in the hub's figures; empty is whep.
	Name string
	// Sent hears of each unit that was sent, and Lagged of each lag; nil: nobody does.
	Sent   func(u *rtp.Unit)
	Lagged func()
}

// Sender sends a stream's units to one viewer.
type Sender struct {
	opts Options
	out  *egress // shared with who brings the viewer's reports

	// What follows is Run's.
	reader  *live.Reader[*rtp.Unit]
	layer   string
	moved   bool          // the reader is another one than at the begin of the batch
	current time.Duration // of sound from before, nothing is sent
	lags    int
	lagFrom time.Time
	timer   *time.Timer

	gate   gate
	ladder ladder
	wantUp bool        // the layer above is to be taken at the next key frame
	need   bool        // only a key frame can come next
	asked  time.Time   // when one was asked for
	last   [2]progress // of video, of audio
}

// progress is how far a line has come.
type progress struct {
	at    time.Duration
	begun bool
}

// New prepares a sender. It starts nothing.
func New(o Options) (*Sender, error) {
	if o.Estimate == nil {
		o.Estimate = estimate.New()
	}
	if o.Name == "" {
		o.Name = "whep"
	}
	s := &Sender{opts: o, layer: o.Layer, out: &egress{
		began: time.Now(), cname: o.CNAME[:min(len(o.CNAME), maxCNAME)], clock: o.Stream.Now,
		to: o.To, estimate: o.Estimate, stats: o.Stats,
	}}
	var err error
	if o.Video != nil {
		if s.out.video, err = newLine(*o.Video, videoHistory); err != nil {
			return nil, err
		}
	}
	if o.Audio != nil {
		if s.out.audio, err = newLine(*o.Audio, audioHistory); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Run sends until the stream ends, the context is done or the viewer is too slow; it returns why: an EndError, or the
// context's cause. It is called once, when the viewer is connected.
//
// Errors beside those: live.ErrNoLayer.
func (s *Sender) Run(ctx context.Context) error {
	defer s.out.goodbye()
	if err := s.begin(); err != nil {
		return err
	}
	defer func() { s.reader.Close() }()
	var units [32]*rtp.Unit
	for {
		n, err := s.reader.ReadBatch(ctx, units[:])
		if errors.Is(err, live.ErrLagged) {
			err = s.lagged()
		}
		if err == nil {
			err = s.batch(ctx, units[:n])
		}
		if err != nil {
			return ending(ctx, err)
		}
		clear(units[:n]) // hold nothing while waiting
	}
}

// ending turns an error into the reason.
func ending(ctx context.Context, err error) error {
	var known EndError
	switch {
	case errors.As(err, &known), errors.Is(err, live.ErrNoLayer):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, live.ErrEnded):
		return ErrEnded
	default:
		return ErrGone
	}
}

// begin opens the reader for the first time.
func (s *Sender) begin() error {
	if !s.opts.Live {
		return s.open(s.layer, live.StartFresh)
	}
	err := s.open(s.layer, live.StartAsked)
	s.current = math.MinInt64 // no sound is too old beside its pictures
	return err
}

// open begins to read a layer.
func (s *Sender) open(layer string, start live.Start) error {
	source, err := Units(s.opts.Stream, layer)
	if err != nil {
		return err
	}
	if s.reader != nil {
		s.reader.Close()
	}
	s.reader = source.NewReader(live.ReaderOptions{Name: s.opts.Name, Start: start, Join: join, Beat: true})
	s.layer, s.moved, s.need, s.wantUp = layer, true, s.out.video != nil, false
	s.current = s.opts.Stream.Newest() - stale
	return nil
}

// lagged counts a lag: the reader stands at a key frame again.
func (s *Sender) lagged() error {
	if now := time.Now(); now.Sub(s.lagFrom) > lagWindow {
		s.lags, s.lagFrom = 0, now
	}
	if s.opts.Lagged != nil {
		s.opts.Lagged()
	}
	if s.lags++; s.lags > s.opts.MaxLags {
		return ErrSlow
	}
	s.need = s.out.video != nil
	s.current = s.opts.Stream.Newest() - stale
	return nil
}

func (s *Sender) batch(ctx context.Context, units []*rtp.Unit) error {
	s.moved = false
	for _, u := range units {
		if err := s.take(ctx, u); err != nil {
			return err
		}
		if s.moved {
			break
		}
	}
	return s.out.flush() // once for all: a call for each costs more than the packets
}

// take sends a unit, or does not.
func (s *Sender) take(ctx context.Context, u *rtp.Unit) error {
	l := s.out.line(u.Codec)
	switch {
	case l == nil && s.missing(u):
		return ErrChanged
	case l == nil: // not asked for
		return nil
	case u.Kind == av.KindConfig:
		return s.changed(l, u)
	case u.Codec != l.Codec:
		return ErrChanged
	case s.came(u): // the reader is another one, and behind
		return nil
	case !u.Codec.IsVideo() && u.DTS < s.current:
		return nil
	case !u.Codec.IsVideo():
		s.gate.spend(u.Size())
		return s.send(ctx, l, u)
	default:
		return s.picture(ctx, l, u)
	}
}

// missing tells whether the unit is of a kind that there was none of when tracks were agreed on.
func (s *Sender) missing(u *rtp.Unit) bool {
	return !u.Over() && (u.Codec.IsVideo() && s.opts.Declined || u.Codec.IsAudio() && s.opts.Silent)
}

// changed looks at a track's change. Of sound that is over nothing more comes, until it is back; of pictures the last one
// would stand, as if they were to go on.
func (s *Sender) changed(l *line, u *rtp.Unit) error {
	switch {
	case u.Reordered:
		return ErrBFrames
	case u.Over() && u.Codec.IsVideo():
		return ErrChanged
	case u.Config != nil && u.Config.Codec != l.Codec:
		return ErrChanged
	case u.Codec.IsVideo():
		s.need = true // a config comes with a key frame
	}
	return nil
}

// came tells whether the viewer has had a time of the unit's line, or a later one.
func (s *Sender) came(u *rtp.Unit) bool {
	p := &s.last[kindOf(u.Codec)]
	return p.begun && u.PTS <= p.at
}

func kindOf(c av.Codec) int {
	if c.IsVideo() {
		return 0
	}
	return 1
}

// picture sends a picture if it can be shown and the path carries it.
func (s *Sender) picture(ctx context.Context, l *line, u *rtp.Unit) error {
	now := time.Now()
	s.ladder.meter.add(u.DTS, u.Size())
	if u.Key && s.wantUp {
		return s.up(now)
	}
	if s.need && !u.Key && !s.gate.skipping {
		if now.Sub(s.asked) >= keyAgain {
			s.want("viewer", now)
		}
		return nil
	}
	rate, again := s.out.path()
	s.gate.spend(again)
	v, ask := s.gate.judge(u, now, rate)
	if ask {
		s.want("skip", now)
	}
	switch v {
	case leaveOut:
		s.opts.Stats.leftOut.WithLabelValues("discardable").Inc()
		return nil
	case skip:
		s.opts.Stats.leftOut.WithLabelValues("group").Inc()
		s.need = true
		return s.lower(now)
	case pass:
	}
	s.need = false
	s.gate.spend(u.Size() + len(u.Payloads)*packetOverhead)
	if err := s.send(ctx, l, u); err != nil {
		return err
	}
	return s.climb(l, now, rate)
}

// climb looks for the way up to a larger layer.
func (s *Sender) climb(l *line, now time.Time, rate int) error {
	up, probe := s.ladder.climb(now, rate)
	if up && !s.wantUp {
		s.wantUp = true
		s.want("layer", now)
	}
	if probe == 0 {
		return nil
	}
	return s.out.probe(l, probe)
}

// up goes on with the next larger layer that there is: the publisher may be another one by now. The largest is the
// stream's own video, which there always is.
func (s *Sender) up(now time.Time) error {
	for {
		err := s.open(s.ladder.up(now), live.StartNewest)
		if !errors.Is(err, live.ErrNoLayer) || len(s.ladder.above) == 0 {
			return err
		}
	}
}

// lower goes on with the next smaller simulcast layer, if the viewer leaves the choice and there is one.
func (s *Sender) lower(now time.Time) error {
	if s.opts.Layer != "" || now.Sub(s.ladder.moved) < keyAgain {
		return nil
	}
	video := s.reader.Tracks().Video()
	if video == nil {
		return nil
	}
	layer, ok := below(s.opts.Stream.Tracks(), video.Width*video.Height)
	if !ok {
		return nil
	}
	from := s.layer
	if err := s.open(layer, live.StartNewest); errors.Is(err, live.ErrNoLayer) {
		return nil // it is gone meanwhile
	} else if err != nil {
		return err
	}
	s.ladder.down(from, now)
	s.gate = gate{last: now}
	s.want("layer", now)
	return nil
}

func (s *Sender) want(reason string, now time.Time) {
	s.asked = now
	s.opts.Stream.WantKeyFrame(reason)
}

// send sends a whole unit, in pieces that the pace allows.
func (s *Sender) send(ctx context.Context, l *line, u *rtp.Unit) error {
	for from := 0; from < len(u.Payloads); from += pieceSize {
		if err := s.pause(ctx, s.out.delay()); err != nil {
			return err
		}
		if err := s.out.send(l, u, from, min(pieceSize, len(u.Payloads)-from)); err != nil {
			return err
		}
	}
	s.last[kindOf(u.Codec)] = progress{u.PTS, true}
	if s.opts.Sent != nil {
		s.opts.Sent(u)
	}
	return nil
}

// pause waits for the pace.
func (s *Sender) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := s.out.flush(); err != nil {
		return err
	}
	if s.timer == nil {
		s.timer = time.NewTimer(d)
	} else {
		s.timer.Reset(d)
	}
	select {
	case <-s.timer.C:
		return nil
	case <-ctx.Done():
		s.timer.Stop()
		return context.Cause(ctx)
	}
}

// Feedback takes what the viewer reports. It may be called while Run runs, from one goroutine.
func (s *Sender) Feedback(packets []rtcp.Packet) {
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			_ = s.out.lost(p) // a connection that is gone tells run
		case *rtcp.TransportLayerCC:
			s.out.arrivals(p)
		case *rtcp.ReceiverReport:
			s.out.received(p.Reports)
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			s.out.atMost(p.Bitrate)
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			s.out.wanted(s.opts.Stream)
		}
	}
}
