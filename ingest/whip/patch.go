package whip

import (
	"net/http"

	"github.com/pion/webrtc/v4"

	"weir/rtc/signaling"
)

// Patch takes more candidates of a publisher (204) or restarts ICE (200), as RFC 9725 4.3 has it. It needs the same
// authority as the POST did.
func (h *Handler) Patch(w http.ResponseWriter, r *http.Request) {
	answer, tag, err := h.patch(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	signaling.AnswerPatch(w, answer, tag)
}

func (h *Handler) patch(w http.ResponseWriter, r *http.Request) (answer, tag string, err error) {
	s, err := h.find(r)
	if err != nil {
		return "", "", err
	}
	f, match, err := signaling.ReadPatch(w, r)
	if err != nil {
		return "", "", err
	}
	return s.ice.Patch(match, f, &restarter{session: s, clientIsLocal: signaling.IsLocal(r)})
}

// restarter is a session as one request sees it.
type restarter struct {
	*session
	clientIsLocal bool
}

// AddCandidate implements signaling.Peer.
func (s *session) AddCandidate(value string) {
	if err := s.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: value}); err != nil {
		s.log.Debug("candidate discarded", "error", err)
	}
}
