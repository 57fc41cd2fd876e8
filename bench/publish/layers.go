package publish

import (
	"errors"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// registerLayers offers the header extensions that tell layers apart (RFC 9143 15.2, RFC 8852 4).
func registerLayers(engine *webrtc.MediaEngine) error {
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI} {
		if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("cannot offer simulcast: %w", err)
		}
	}
	return nil
}

// addLayers makes one sender with a track for each layer.
func (p *peer) addLayers(layers []Layer) ([]*track, error) {
	var locals []*webrtc.TrackLocalStaticRTP
	for _, l := range layers {
		local, err := webrtc.NewTrackLocalStaticRTP(
			webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: videoRate}, "video", "publish", webrtc.WithRTPStreamID(l.RID))
		if err != nil {
			return nil, fmt.Errorf("cannot make layer %q: %w", l.RID, err)
		}
		locals = append(locals, local)
	}
	transceiver, err := p.pc.AddTransceiverFromTrack(locals[0], webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("cannot send layer %q: %w", layers[0].RID, err)
	}
	var tracks []*track
	for i, local := range locals {
		if i > 0 {
			if err := transceiver.Sender().AddEncoding(local); err != nil {
				return nil, fmt.Errorf("cannot send layer %q: %w", layers[i].RID, err)
			}
		}
		t := newTrack(local, transceiver.Sender(), videoRate)
		t.encoding, t.overhead = i, layerOverhead
		t.name = func(h *rtp.Header) error { return nameLayer(h, transceiver, local.RID()) }
		tracks = append(tracks, t)
	}
	return tracks, nil
}

// nameLayer writes into a packet of which section and layer it is, in the extensions that were agreed on.
func nameLayer(h *rtp.Header, transceiver *webrtc.RTPTransceiver, rid string) error {
	values := map[string]string{sdp.SDESMidURI: transceiver.Mid(), sdp.SDESRTPStreamIDURI: rid}
	for _, e := range transceiver.Sender().GetParameters().HeaderExtensions {
		value, ok := values[e.URI]
		if !ok {
			continue
		}
		delete(values, e.URI)
		if err := h.SetExtension(uint8(e.ID), []byte(value)); err != nil {
			return fmt.Errorf("cannot name a layer: %w", err)
		}
	}
	if len(values) > 0 {
		return errors.New("cannot name a layer: the answer has no extension for it")
	}
	return nil
}

// readRTCP reads what comes for the track.
func (t *track) readRTCP() (packets []rtcp.Packet, err error) {
	if rid := t.local.RID(); rid != "" {
		packets, _, err = t.sender.ReadSimulcastRTCP(rid)
	} else {
		packets, _, err = t.sender.ReadRTCP()
	}
	return packets, err
}
