package publish

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

const (
	videoRate = 90000
	audioRate = 48000

	// historySize is how many packets of a track can be sent again.
	historySize = 1024
)

// videoCodecs are the video codecs that can be offered. What there is no file of makes an offer look like a browser's,
// or one that must be refused.
var videoCodecs = map[string]webrtc.RTPCodecParameters{
	"h264":      videoCodec(webrtc.MimeTypeH264, 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
	"h264-main": videoCodec(webrtc.MimeTypeH264, 104, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"),
	"h264-high": videoCodec(webrtc.MimeTypeH264, 106, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"),
	"h265":      videoCodec(webrtc.MimeTypeH265, 108, "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"),
	"vp8":       videoCodec(webrtc.MimeTypeVP8, 96, ""),
	"vp9":       videoCodec(webrtc.MimeTypeVP9, 98, "profile-id=0"),
	"av1":       videoCodec(webrtc.MimeTypeAV1, 100, "level-idx=5;profile=0;tier=0"),
}

func videoCodec(mime string, pt webrtc.PayloadType, fmtp string) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{
		PayloadType: pt,
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: videoRate, SDPFmtpLine: fmtp, RTCPFeedback: []webrtc.RTCPFeedback{
			{Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"},
		}},
	}
}

// VideoCodecs are the names that Options.VideoCodecs may hold, sorted.
func VideoCodecs() []string {
	names := make([]string, 0, len(videoCodecs))
	for name := range videoCodecs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// peer is the peer connection with the one socket that it uses.
type peer struct {
	pc     *webrtc.PeerConnection
	conn   net.PacketConn
	mux    ice.UDPMux
	videos []*track // the layers, or one; none without video
	audio  *track   // nil if there is none
}

// newPeer makes a peer connection with a track for each kind of media there is.
func newPeer(o *Options, clips []*clip, audio bool) (*peer, error) {
	engine, err := mediaEngine(o, len(clips) > 0, audio)
	if err != nil {
		return nil, err
	}
	registry, err := interceptors(o, engine)
	if err != nil {
		return nil, err
	}
	// A socket of our own, so that Kill can take it away under the connection.
	conn, err := o.Listen()
	if err != nil {
		return nil, fmt.Errorf("cannot open a UDP socket: %w", err)
	}
	p := &peer{conn: conn}
	if o.Hole != nil {
		p.conn = holeConn{conn, o.Hole}
	}
	p.mux = webrtc.NewICEUDPMux(silent().NewLogger("ice"), p.conn)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(p.settings()))
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		p.mux.Close()
		return nil, fmt.Errorf("cannot make a peer connection: %w", err)
	}
	switch {
	case len(o.Layers) > 0:
		p.videos, err = p.addLayers(o.Layers)
	case len(clips) > 0:
		var t *track
		t, err = p.addTrack(clips[0].mime, videoRate)
		p.videos = []*track{t}
	}
	if audio && err == nil {
		p.audio, err = p.addTrack(webrtc.MimeTypeOpus, audioRate)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// silent makes loggers that say nothing: what goes wrong is told by errors.
func silent() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.DefaultLogLevel = logging.LogLevelDisabled
	f.ScopeLevels = nil
	return f
}

func (p *peer) settings() webrtc.SettingEngine {
	se := webrtc.SettingEngine{LoggerFactory: silent()}
	se.SetICEUDPMux(p.mux)
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetDTLSRetransmissionInterval(200 * time.Millisecond) // browsers begin with 50 ms
	se.SetICETimeouts(5*time.Second, 10*time.Second, 2*time.Second)
	return se
}

func mediaEngine(o *Options, video, audio bool) (*webrtc.MediaEngine, error) {
	engine := &webrtc.MediaEngine{}
	if audio {
		fmtp := "minptime=10;useinbandfec=1"
		if o.StereoFmtp {
			fmtp += ";stereo=1;sprop-stereo=1" // RFC 7587 6.1
		}
		opus := webrtc.RTPCodecParameters{
			PayloadType: 111,
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeOpus, ClockRate: audioRate, Channels: 2, SDPFmtpLine: fmtp,
				RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}, {Type: "nack"}},
			},
		}
		if err := engine.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("cannot offer Opus: %w", err)
		}
	}
	if !video {
		return engine, nil
	}
	if len(o.Layers) > 0 {
		if err := registerLayers(engine); err != nil {
			return nil, err
		}
	}
	for _, name := range o.VideoCodecs {
		codec, ok := videoCodecs[name]
		if !ok {
			return nil, fmt.Errorf("cannot offer video codec %q: it is none of %s", name, strings.Join(VideoCodecs(), ", "))
		}
		if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, fmt.Errorf("cannot offer %s: %w", name, err)
		}
		if !o.RTX {
			continue
		}
		rtx := webrtc.RTPCodecParameters{
			PayloadType: codec.PayloadType + 1,
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: videoRate,
				SDPFmtpLine: fmt.Sprintf("apt=%d", codec.PayloadType),
			}, // RFC 4588 8.1
		}
		if err := engine.RegisterCodec(rtx, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, fmt.Errorf("cannot offer rtx: %w", err)
		}
	}
	return engine, nil
}

// interceptors builds the chain from the network up: loss, transport-wide sequence numbers, history. Whatever is
// sent again so gets a transport-wide number of its own.
func interceptors(o *Options, engine *webrtc.MediaEngine) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	if o.DropRTP != nil {
		registry.Add(lossFactory{o.DropRTP})
	}
	if err := webrtc.ConfigureTWCCHeaderExtensionSender(engine, registry); err != nil {
		return nil, fmt.Errorf("cannot number packets for transport-cc: %w", err)
	}
	history, err := nack.NewResponderInterceptor(nack.ResponderSize(historySize), nack.WithResponderLoggerFactory(silent()))
	if err != nil {
		return nil, fmt.Errorf("cannot keep a history of packets: %w", err)
	}
	registry.Add(history)
	return registry, nil
}

func (p *peer) addTrack(mime string, rate uint32) (*track, error) {
	kind, _, _ := strings.Cut(mime, "/")
	local, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: rate}, kind, "publish")
	if err != nil {
		return nil, fmt.Errorf("cannot make a track of %s: %w", mime, err)
	}
	transceiver, err := p.pc.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("cannot send %s: %w", mime, err)
	}
	return newTrack(local, transceiver.Sender(), rate), nil
}

// close ends the connection as the protocols want it. It may be called again.
func (p *peer) close() error {
	err := p.pc.Close()
	p.mux.Close()
	p.conn.Close()
	return err
}

// kill takes the socket away first, so that nothing that close does reaches the other side.
func (p *peer) kill() {
	p.conn.Close()
	p.close()
}
