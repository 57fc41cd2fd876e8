package publish

import (
	"context"
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"
)

// Restart restarts ICE (RFC 9725 4.3.3), as a client does whose path was lost: other credentials and candidates, the
// same session, media and keys. It returns when the server has answered; the connection comes back a moment later.
func (s *Session) Restart(ctx context.Context) error {
	s.restarting.Lock()
	defer s.restarting.Unlock()
	pc := s.peer.pc
	offer, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
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
	_, fragment, tag, err := patch(ctx, &s.options, s.url, "*", iceLines(pc.LocalDescription().SDP))
	if err != nil {
		return err
	}
	s.tag = tag
	answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: withICE(s.answer, fragment)}
	if err := pc.SetRemoteDescription(answer); err != nil {
		return fmt.Errorf("cannot use the answer: %w", err)
	}
	return nil
}

// Trickle sends candidates, one a line as SDP has them, to the server (RFC 9725 4.3.2).
func (s *Session) Trickle(ctx context.Context, candidates string) error {
	s.restarting.Lock()
	defer s.restarting.Unlock()
	_, _, _, err := patch(ctx, &s.options, s.url, s.tag, candidates)
	return err
}

// isICE tells whether a line of SDP is about the ICE session.
func isICE(line string) bool {
	for _, name := range []string{"ice-ufrag", "ice-pwd", "candidate", "end-of-candidates"} {
		if strings.HasPrefix(line, "a="+name) {
			return true
		}
	}
	return false
}

// iceLines is the fragment (RFC 8840 9) of what an SDP says of ICE, of its first section.
func iceLines(sdp string) string {
	var b strings.Builder
	sections := 0
	for line := range strings.Lines(sdp) {
		if strings.HasPrefix(line, "m=") {
			sections++
		}
		if sections <= 1 && (isICE(line) || strings.HasPrefix(line, "m=") || strings.HasPrefix(line, "a=mid:")) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// withICE is an SDP with the credentials and candidates of a fragment in each section.
func withICE(sdp, fragment string) string {
	var ice, out strings.Builder
	for line := range strings.Lines(fragment) {
		if isICE(line) {
			ice.WriteString(line)
		}
	}
	for line := range strings.Lines(sdp) {
		if isICE(line) {
			continue
		}
		out.WriteString(line)
		if strings.HasPrefix(line, "a=mid:") {
			out.WriteString(ice.String())
		}
	}
	return out.String()
}
