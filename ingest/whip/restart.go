package whip

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"weir/rtc/signaling"
)

// Restart implements signaling.Peer: a new ICE session begins under the connection, and SRTP and its keys, the tracks
// and the stream stay. To the peer connection that is the publisher's offer once more, with other credentials (RFC 8839
// 4.4.1.1.1). The publisher's former candidates are forgotten. An error leaves the ICE session as it is, unless the peer
// connection had taken the offer: that session is then the new one, which the publisher does not know, and it has to
// restart once more.
func (s *restarter) Restart(ufrag, pwd string) (answer string, begun bool, err error) {
	offer, err := s.offer.restarted(ufrag, pwd, s.snapshot())
	if err != nil {
		return "", false, err
	}
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", false, fmt.Errorf("cannot restart ICE: %w", err)
	}
	if err := s.answerRestart(); err != nil {
		return "", true, fmt.Errorf("cannot restart ICE: %w", err)
	}
	s.handler.stats.restarts.Inc()
	s.log.Info("ICE restarted")
	answer, err = restartAnswer(s.pc.LocalDescription().SDP, s.clientIsLocal)
	return answer, true, err
}

// answerRestart takes the offer and waits for the server's candidates. A client that hangs up does not end the wait:
// the restart is done, and its next request has to find it whole.
func (s *session) answerRestart() error {
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(s.pc)
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	select {
	case <-gathered:
		return nil
	case <-time.After(gatherTimeout):
		return errors.New("the server's addresses were not listed in time")
	}
}

// restarted is the offer with other credentials and without candidates. Tracks whose SSRC the offer did not declare
// are declared, since the peer connection ends those that it does not find in the offer.
func (o *offer) restarted(ufrag, pwd string, tracks []*track) (string, error) {
	var s sdp.SessionDescription
	if err := s.UnmarshalString(o.text); err != nil {
		return "", fmt.Errorf("cannot read the offer: %w", err)
	}
	s.Attributes = withCredentials(s.Attributes, ufrag, pwd)
	for _, m := range s.MediaDescriptions {
		m.Attributes = withCredentials(m.Attributes, ufrag, pwd)
		for _, t := range tracks {
			ssrc := strconv.FormatUint(uint64(t.remote.SSRC()), 10)
			if t.section.kind.String() == m.MediaName.Media && t.remote.RID() == "" && !sources(m)[ssrc] {
				m.Attributes = append(m.Attributes, sdp.NewAttribute("ssrc", ssrc+" cname:weir"))
			}
		}
	}
	out, err := s.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write the offer: %w", err)
	}
	return string(out), nil
}

func withCredentials(attributes []sdp.Attribute, ufrag, pwd string) []sdp.Attribute {
	out := slices.DeleteFunc(attributes, func(a sdp.Attribute) bool {
		return a.Key == "candidate" || a.Key == "end-of-candidates"
	})
	for i := range out {
		switch out[i].Key {
		case "ice-ufrag":
			out[i].Value = ufrag
		case "ice-pwd":
			out[i].Value = pwd
		}
	}
	return out
}

// restartAnswer is the fragment that answers a restart (RFC 9725 4.3.3): the credentials and all candidates of the
// section that stands for the BUNDLE group.
func restartAnswer(answer string, clientIsLocal bool) (string, error) {
	var s sdp.SessionDescription
	if err := s.UnmarshalString(answer); err != nil || len(s.MediaDescriptions) == 0 {
		return "", errors.New("cannot read the answer of a restart")
	}
	m := signaling.Transport(&s)
	if !clientIsLocal {
		signaling.DropLoopback(m)
	}
	var b strings.Builder
	line := func(name, value string) { b.WriteString("a=" + name + ":" + value + "\r\n") }
	for _, name := range []string{"ice-options", "group"} {
		if v, ok := s.Attribute(name); ok {
			line(name, v)
		}
	}
	b.WriteString("m=" + m.MediaName.String() + "\r\n")
	for _, name := range []string{"mid", "ice-ufrag", "ice-pwd"} {
		line(name, signaling.Attribute(&s, m, name))
	}
	for _, a := range m.Attributes {
		if a.Key == "candidate" {
			line(a.Key, a.Value)
		}
	}
	b.WriteString("a=end-of-candidates\r\n")
	return b.String(), nil
}
