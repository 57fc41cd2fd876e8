// Package publish is a WHIP client (RFC 9725) that sends a video and an Opus file in real time, for tests, benchmarks
// and operators. It shares no code with what it tests: packets are made by its own packetizer and pion. A Session
// owns its goroutines, and Delete, Close and Kill wait for them.
package publish

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/pion/webrtc/v4"
)

// Options say what is published and how.
type Options struct {
	// URL is the WHIP endpoint.
	URL string
	// Token is sent as the Bearer token, if it is not empty.
	Token string
	// H264 is the name of an Annex B file, Ogg that of an Ogg Opus file. One of them may be empty.
	H264, Ogg string
	// Video is the name of a file of another codec, to be sent instead of H264: H.265 in Annex B with one slice a
	// picture, or AV1 or VP9 in IVF.
	Video string
	// Layers are sent as a simulcast in place of H264, in the order of the offer: two or more. Without RTX, since what
	// is sent again would not say of which layer it is.
	Layers []Layer
	// FPS is the picture rate; 0 means 30.
	FPS int
	// Loop begins each file again when it is over, each for itself and with continuous times.
	Loop bool
	// MTU is the largest RTP packet in bytes before encryption; 0 means 1200.
	MTU int
	// StapA sends parameter sets in one STAP-A packet, as browsers do, instead of one by one.
	StapA bool
	// RTX offers retransmission in a stream of its own (RFC 4588).
	RTX bool
	// StereoFmtp offers Opus with stereo=1, as a publisher of stereo must (RFC 7587 7).
	StereoFmtp bool
	// VideoCodecs are the names (see VideoCodecs) of the video codecs that are offered, in this order; nil means that
	// of the file alone. What is sent is the file in any case.
	VideoCodecs []string
	// SkipPLI makes the publisher deaf to key frame requests; they are still counted.
	SkipPLI bool
	// SkipSR sends no RTCP sender reports.
	SkipSR bool
	// HTTP makes the requests; nil means http.DefaultClient.
	HTTP *http.Client
	// Listen opens the socket of the media; nil means a UDP port on all of the machine's IPv4 addresses.
	Listen func() (*net.UDPConn, error)
	// DropRTP is asked for each RTP packet on its way out, retransmissions included (under their original number),
	// whether it gets lost. It is called by several goroutines.
	DropRTP func(seq uint16, video bool) bool
	// Hole, if there is one, is on the way of all packets. A connection that fails is then not the end: see Restart.
	Hole *Hole
	// OnNAL sees each NAL unit just before it is sent, with its time since the first one. It must not change it. With
	// Layers it sees those of all, from several goroutines.
	OnNAL func(nal []byte, pts time.Duration)
	// OnOpus sees each Opus packet likewise.
	OnOpus func(packet []byte, pts time.Duration)
}

// Layer is one encoding of the picture.
type Layer struct {
	// RID is its name: letters and digits, at most 16.
	RID string
	// H264 is the name of an Annex B file.
	H264 string
}

// packetOverhead is the room that an RTP packet needs besides its payload: its header and that of one extension.
const packetOverhead = 12 + 8

// layerOverhead is what the extensions add that name the layer: up to 16 bytes each, padded, and their heads.
const layerOverhead = 36

// cleanupTimeout bounds the removal of a session that could not be connected.
const cleanupTimeout = 2 * time.Second

// withDefaults returns the options with what is left out filled in, or an error if they make no sense.
func (o Options) withDefaults() (Options, error) {
	if o.H264 == "" && o.Video == "" && o.Ogg == "" && len(o.Layers) == 0 {
		return o, ErrNoMedia
	}
	if len(o.Layers) == 1 || len(o.Layers) > 0 && (o.H264 != "" || o.Video != "" || o.RTX) {
		return o, ErrLayers
	}
	if o.FPS == 0 {
		o.FPS = 30
	}
	if o.MTU == 0 {
		o.MTU = 1200
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Listen == nil {
		o.Listen = func() (*net.UDPConn, error) { return net.ListenUDP("udp4", nil) }
	}
	if o.FPS < 1 || o.FPS > 1000 {
		return o, fmt.Errorf("cannot send %d pictures a second: want 1 to 1000", o.FPS)
	}
	if o.MTU < 100 || o.MTU > 9000 {
		return o, fmt.Errorf("cannot use an MTU of %d: want 100 to 9000", o.MTU)
	}
	return o, nil
}

// Start publishes. It returns when the connection stands and the media begins; ctx bounds only that.
func Start(ctx context.Context, options Options) (*Session, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	s := newSession(o)
	if err := s.readVideo(); err != nil {
		return nil, err
	}
	if o.Ogg != "" {
		if s.packets, err = readAudio(o.Ogg); err != nil {
			return nil, err
		}
	}
	if s.peer, err = newPeer(&s.options, s.clips, s.packets != nil); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		s.Close()
		return nil, err
	}
	s.begin()
	return s, nil
}

// readVideo reads the files of pictures, if there are any.
func (s *Session) readVideo() error {
	o := &s.options
	var names []string
	for _, l := range o.Layers {
		names = append(names, l.H264)
	}
	if o.H264 != "" {
		names = append(names, o.H264)
	}
	for _, name := range names {
		units, err := readVideo(name)
		if err != nil {
			return err
		}
		s.clips = append(s.clips, &clip{
			offer: "h264", mime: webrtc.MimeTypeH264, units: units,
			packetize: func(nals [][]byte, size int) [][]byte { return payloads(nals, size, o.StapA) },
		})
	}
	if o.Video != "" {
		c, err := readClip(o.Video)
		if err != nil {
			return err
		}
		s.clips = []*clip{c}
	}
	if len(s.clips) > 0 && o.VideoCodecs == nil {
		o.VideoCodecs = []string{s.clips[0].offer}
	}
	return nil
}

// connect makes the offer, takes the answer and waits for the connection.
func (s *Session) connect(ctx context.Context) error {
	pc := s.peer.pc
	pc.OnConnectionStateChange(s.onState)
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("cannot make an offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("cannot use the offer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return fmt.Errorf("cannot gather candidates: %w", context.Cause(ctx))
	}
	s.offer = pc.LocalDescription().SDP
	if s.answer, s.url, s.tag, err = post(ctx, &s.options, s.offer); err != nil {
		return err
	}
	if err := s.accept(ctx); err != nil {
		// The server's session must not outlive this; that it may be gone already is no news.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		_ = remove(ctx, &s.options, s.url)
		return err
	}
	return nil
}

// accept takes the answer and waits until the connection stands.
func (s *Session) accept(ctx context.Context) error {
	if err := s.peer.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: s.answer}); err != nil {
		return fmt.Errorf("cannot use the answer: %w", err)
	}
	select {
	case <-s.connected:
		return nil
	case <-s.done:
		return fmt.Errorf("cannot connect: %w", s.err)
	case <-ctx.Done():
		return fmt.Errorf("cannot connect: %w", context.Cause(ctx))
	}
}
