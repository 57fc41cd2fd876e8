package push

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"weir/cdnrelay/rtmp"
	"weir/mux/av"
	"weir/mux/flv"
	wire "weir/mux/rtmp"
	"weir/room/live"
)

// RTMP is the output for rtmp:// and rtmps:// addresses. It sends the tags that viewers of FLV get, made once for all of them:
// H.264 and AAC in the classic form, which every server takes, the other codecs in that of Enhanced RTMP. Sound is AAC unless
// Opus is asked for.
type RTMP struct{ opts RTMPOptions }

// RTMPOptions are what all connections of an RTMP output have in common.
type RTMPOptions struct {
	// Agent is what servers are told about the client, such as weir/1.2.
	Agent string
	// TLS is for RTMPS; nil: that of the system.
	TLS *tls.Config
}

// NewRTMP returns the output.
func NewRTMP(o RTMPOptions) *RTMP { return &RTMP{opts: o} }

// Check implements Checker.
func (*RTMP) Check(u *url.URL) error { return ofRTMP(rtmp.Check(u.String())) }

// Open implements Output.
func (o *RTMP) Open(ctx context.Context, t Target) (Session, error) {
	if err := t.Stream.Ready(ctx); err != nil {
		return nil, err
	}
	audio := t.Audio
	if audio == av.CodecNone {
		audio = t.Stream.UsualAudio()
	}
	tags, err := t.Stream.Tags(audio, "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	conn, err := rtmp.Dial(ctx, rtmp.Options{
		URL: t.URL.String(), Guard: t.Guard, TLS: o.opts.TLS, Agent: o.opts.Agent, WriteTimeout: t.WriteTimeout,
	})
	if err != nil {
		return nil, ofRTMP(err)
	}
	if err := conn.Publish(ctx); err != nil {
		conn.Close(ctx)
		return nil, ofRTMP(err)
	}
	return &rtmpSession{conn: conn, tags: tags, target: t, agent: o.opts.Agent}, nil
}

// ofRTMP says an error of the client in the words of this package.
func ofRTMP(err error) error {
	for _, e := range [...]struct{ of, is error }{
		{rtmp.ErrAddress, ErrAddress},
		{rtmp.ErrConnect, ErrConnect},
		{rtmp.ErrRefused, ErrRefused},
		{rtmp.ErrTimeout, ErrTimeout},
		{rtmp.ErrClosed, ErrClosed},
		{rtmp.ErrProtocol, ErrProtocol},
	} {
		if !errors.Is(err, e.of) {
			continue
		}
		if why, more := strings.CutPrefix(err.Error(), e.of.Error()+": "); more {
			return fmt.Errorf("%w: %s", e.is, why)
		}
		return e.is
	}
	return err
}

// rtmpSession is a connection over which a stream is published.
type rtmpSession struct {
	conn   *rtmp.Conn
	tags   live.Source[flv.Tag]
	target Target
	agent  string

	watcher sync.WaitGroup // from Send to Close

	tracks   av.Tracks // as announced to the server
	begun    bool
	begin    time.Duration // of the first tag
	base     uint32        // ms of it on the stream's clock: the server's 0
	last     uint32        // ms of what was sent last
	messages []wire.Message
}

// Send implements Session.
func (s *rtmpSession) Send(ctx context.Context, p *Progress) error {
	o := s.target.Reader
	o.Beat = true // a server can do nothing with sound before its picture, and each wake costs as much as what it brings
	r := s.tags.NewReader(o)
	defer r.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { s.conn.Hurry(time.Now().Add(goodbye)) })()
	s.watcher.Go(func() { cancel(ofRTMP(s.conn.Watch())) })
	tracks, err := r.Start(ctx)
	if err != nil {
		return err
	}
	s.tracks = tracks
	return Forward(ctx, r, p, s.target.MaxLags,
		func(tags []flv.Tag) error { return s.write(p, tags) },
		func() error { return s.lagged(r.Tracks()) })
}

// Close implements Session.
func (s *rtmpSession) Close(ctx context.Context) {
	s.conn.Close(ctx)
	s.watcher.Wait()
}

// write sends tags.
func (s *rtmpSession) write(p *Progress, tags []flv.Tag) error {
	if !s.begun {
		s.begun, s.begin = true, tags[0].DTS
		s.base = uint32(av.Ticks(s.begin, 1000)) //nolint:gosec // wraps, as the tags' own do
		if err := s.announce(0, s.tracks.Video(), s.tracks.Audio()); err != nil {
			return err
		}
	}
	units := 0
	for _, t := range tags {
		unit, err := s.add(t)
		if err != nil {
			return err
		}
		if unit {
			units++
		}
	}
	return s.flush(p, units, tags[len(tags)-1].DTS)
}

// add has a tag wait for the next flush, if the server is to get it, and tells whether it is an access unit. Sound from before
// the first picture is not: time would go back behind 0. Neither is the picture that only players need once more.
func (s *rtmpSession) add(t flv.Tag) (unit bool, err error) {
	switch {
	case t.Over(), t.Again, t.Kind == av.KindMedia && t.DTS < s.begin:
		return false, nil
	case t.Config != nil && t.DTS < s.begin:
		return false, s.change(0, t.Config)
	case t.Config != nil:
		return false, s.change(t.Stamp()-s.base, t.Config)
	}
	s.messages = append(s.messages, wire.Message{Type: t.Type(), Time: t.Stamp() - s.base, Body: t.Body()})
	return true, nil
}

// change announces what a track is from a time on. Servers look at the first announcement alone for which tracks there are, and of
// which codec.
func (s *rtmpSession) change(at uint32, t *av.Track) error {
	known := s.tracks.Audio()
	if t.Codec.IsVideo() {
		known = s.tracks.Video()
	}
	if known == nil || known.Codec != t.Codec || known.ID != t.ID {
		return fmt.Errorf("%w: %v", ErrChanged, t.Codec)
	}
	if known.Same(t) {
		return nil
	}
	s.tracks = s.tracks.With(t)
	return s.announce(at, t)
}

// announce has the metadata of all tracks and the sequence headers of some wait for the next flush.
func (s *rtmpSession) announce(at uint32, tracks ...*av.Track) error {
	meta := flv.Tag{Data: flv.AppendMetadata(nil, s.tracks, s.agent)}
	s.messages = append(s.messages, wire.Message{
		Type: wire.TypeData, Time: at, Body: append(wire.AppendAMF(nil, "@setDataFrame"), meta.Body()...),
	})
	for _, t := range tracks {
		if t == nil || len(t.Config) == 0 { // what cannot be announced does not come either
			continue
		}
		b, err := flv.AppendSequenceHeader(nil, t, 0)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnfit, err)
		}
		header := flv.Tag{Data: b}
		s.messages = append(s.messages, wire.Message{Type: header.Type(), Time: at, Body: header.Body()})
	}
	return nil
}

// lagged tells the server what has changed in what the reader missed: tracks are those that govern where it now stands, before
// which there may be sound.
func (s *rtmpSession) lagged(tracks av.Tracks) error {
	for _, t := range [...]*av.Track{tracks.Video(), tracks.Audio()} {
		if t == nil || !s.begun || len(t.Config) == 0 {
			continue
		}
		if err := s.change(s.last, t); err != nil {
			return err
		}
	}
	return nil
}

// flush sends the messages at hand.
func (s *rtmpSession) flush(p *Progress, units int, at time.Duration) error {
	n, err := s.conn.Write(s.messages...)
	if err != nil {
		return ofRTMP(err)
	}
	if len(s.messages) > 0 {
		s.last = s.messages[len(s.messages)-1].Time
	}
	clear(s.messages) // what was sent is not kept alive
	s.messages = s.messages[:0]
	p.Sent(units, n, at)
	return nil
}
