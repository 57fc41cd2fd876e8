package whip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/rtc/signaling"
)

// gatherTimeout bounds the wait for candidates, which all are addresses of this machine.
const gatherTimeout = 2 * time.Second

// connect makes a peer connection that knows the codecs of the offer and nothing else.
func (h *Handler) connect(o *offer) (*webrtc.PeerConnection, error) {
	media := new(webrtc.MediaEngine)
	for _, s := range []*section{o.video, o.audio} {
		if s == nil {
			continue
		}
		if err := s.register(media); err != nil {
			return nil, fmt.Errorf("cannot register %v: %w", s.codec, err)
		}
	}
	return h.opts.Engine.Connect(media)
}

func (s *section) register(media *webrtc.MediaEngine) error {
	if err := media.RegisterCodec(s.params, s.kind); err != nil {
		return err
	}
	for _, more := range []*webrtc.RTPCodecParameters{s.rtx, s.red} {
		if more == nil {
			continue
		}
		if err := media.RegisterCodec(*more, s.kind); err != nil {
			return err
		}
	}
	if len(s.layers) > 0 {
		if err := s.registerLayers(media); err != nil {
			return err
		}
	}
	if s.transportCC != 0 {
		return media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: signaling.TransportCC}, s.kind)
	}
	return nil
}

// answerOf takes an offer and waits for the server's candidates.
func answerOf(ctx context.Context, pc *webrtc.PeerConnection, offer string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", signaling.BadOffer(err.Error())
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", signaling.BadOffer(err.Error())
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("cannot answer: %w", err)
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-time.After(gatherTimeout):
		return "", errors.New("cannot list the server's addresses in time")
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
