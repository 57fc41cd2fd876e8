package whip

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/rtc/signaling"
)

// anySource is a track that sends under any SSRC.
type anySource struct {
	bound chan webrtc.TrackLocalContext
}

func (*anySource) ID() string                { return "v" }
func (*anySource) RID() string               { return "" }
func (*anySource) StreamID() string          { return "s" }
func (*anySource) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

func (a *anySource) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	a.bound <- c
	return c.CodecParameters()[0], nil
}

func (*anySource) Unbind(webrtc.TrackLocalContext) error { return nil }

// publishAnySource publishes video of which the offer names no SSRC.
func (s *server) publishAnySource(t *testing.T) webrtc.TrackLocalContext {
	t.Helper()
	source := &anySource{bound: make(chan webrtc.TrackLocalContext, 1)}
	media := new(webrtc.MediaEngine)
	if err := media.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "packetization-mode=1;profile-level-id=42e01f",
		},
		PayloadType: 96,
	}, webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	var settings webrtc.SettingEngine
	settings.LoggerFactory = discard()
	settings.SetIncludeLoopbackCandidate(true)
	pc := must(webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{}))
	t.Cleanup(func() { _ = pc.GracefulClose() })
	must(pc.AddTransceiverFromTrack(source, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}))
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(must(pc.CreateOffer(nil))); err != nil {
		t.Fatal(err)
	}
	<-gathered
	offer := regexp.MustCompile(`a=ssrc.*\r\n`).ReplaceAllString(pc.LocalDescription().SDP, "")
	request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+"/whip/room/cam", strings.NewReader(offer)))
	request.Header.Set("Content-Type", signaling.KindSDP)
	request.Header.Set("Authorization", "Bearer "+token(t, "host"))
	answer := must(http.DefaultClient.Do(request))
	defer answer.Body.Close()
	body := string(must(io.ReadAll(answer.Body)))
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("POST gives %s: %s", answer.Status, body)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case c := <-source.bound:
		return c
	case <-ctx.Done():
		t.Fatal("no connection")
		return nil
	}
}

// Each source that is read has memory of its own. A publisher that sends under ever new SSRCs is not read without end.
func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	to := s.publishAnySource(t).WriteStream()
	was := s.only()
	var ssrc uint32
	eventually(t, "the end of the session", func() bool {
		ssrc++
		_, _ = to.WriteRTP(&rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc}, []byte{0x41, 0x9a, 1}) // lost until it is connected
		return metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=too_many_sources") == 1
	})
	if n := len(was.snapshot()); n > maxTracks {
		t.Errorf("%d sources were read", n)
	}
}
