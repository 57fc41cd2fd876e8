package whip

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"
)

// maxFormer is how many ICE sessions that are over a session remembers, so as to know a request that comes late.
const maxFormer = 8

// negotiation is the ICE session of a publisher: RFC 9725 4.3.1 gives each one an entity-tag of its own.
type negotiation struct {
	mu         sync.Mutex // guards the fields below, and is held while an ICE restart is under way
	tag        string     // strong entity-tag, quotes included
	ufrag, pwd string     // the publisher's
	former     []string   // its ufrags before, the newest last
	offered    []string   // its candidates so far, in short
	closed     bool       // the connection is being taken down
}

// newTag is an entity-tag that nobody can guess and that never comes again.
func newTag() string { return `"` + rand.Text() + `"` }

// Patch takes more candidates of a publisher (204) or restarts ICE (200), as RFC 9725 4.3 has it. It needs the same
// authority as the POST did.
func (h *Handler) Patch(w http.ResponseWriter, r *http.Request) {
	answer, tag, err := h.patch(w, r)
	switch {
	case err != nil:
		h.refuse(w, r, err)
	case answer == "":
		w.WriteHeader(http.StatusNoContent) // RFC 9725 4.3.2: neither a body nor an ETag
	default:
		head := w.Header()
		head.Set("Content-Type", kindFragment)
		head.Set("Cache-Control", "no-store")
		head.Set("ETag", tag)
		_, _ = w.Write([]byte(answer)) // a client that is gone asks again
	}
}

func (h *Handler) patch(w http.ResponseWriter, r *http.Request) (answer, tag string, err error) {
	s, err := h.find(r)
	if err != nil {
		return "", "", err
	}
	body, err := readBody(w, r, kindFragment, maxFragment)
	if err != nil {
		return "", "", err
	}
	match := r.Header.Values("If-Match")
	if len(match) == 0 {
		return "", "", refuse(http.StatusPreconditionRequired, "if_match_required", "If-Match must name the ETag of the ICE session, or be * to restart ICE")
	}
	f, err := parseFragment(string(body))
	if err != nil {
		return "", "", err
	}
	return s.patch(f, match, isLoopback(r.RemoteAddr))
}

// patch applies a fragment. answer and tag are those of a restart and empty otherwise.
func (s *session) patch(f *fragment, match []string, clientIsLocal bool) (answer, tag string, err error) {
	n := &s.ice
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return "", "", refuse(http.StatusNotFound, "session_not_found", "the session's connection is over; publish again")
	case !matches(match, n.tag):
		return "", "", refuse(http.StatusPreconditionFailed, "stale_ice", "the ICE session has changed since")
	case f.ufrag == "" || f.ufrag == n.ufrag && f.pwd == n.pwd:
		s.addCandidatesLocked(f.candidates)
		return "", "", nil
	case f.ufrag == n.ufrag || slices.Contains(n.former, f.ufrag):
		// RFC 8445 9: a restart changes both. This is a request of an earlier ICE session, which the tag * let pass.
		return "", "", refuse(http.StatusConflict, "stale_ice", "the ICE credentials were used before")
	}
	if answer, err = s.restartLocked(f, clientIsLocal); err != nil {
		return "", "", err
	}
	return answer, n.tag, nil
}

// matches compares an If-Match with an entity-tag (RFC 9110 13.1.1); a weak one never matches.
func matches(header []string, tag string) bool {
	for _, line := range header {
		for each := range strings.SplitSeq(line, ",") {
			if each = strings.TrimSpace(each); each == "*" || each == tag {
				return true
			}
		}
	}
	return false
}

// addCandidatesLocked hands the publisher's candidates on. RFC 9725 4.3.2: those that cannot be used (another
// transport, a name that does not resolve, a former ICE session) are discarded without a word.
func (s *session) addCandidatesLocked(all []candidate) {
	for _, c := range all {
		if c.ufrag != "" && c.ufrag != s.ice.ufrag || c.mid != "" && !slices.Contains(s.offer.mids, c.mid) {
			continue
		}
		if len(s.ice.offered) >= maxCandidates {
			return
		}
		s.ice.offered = append(s.ice.offered, describe(c.value))
		if err := s.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: c.value}); err != nil {
			s.log.Debug("candidate discarded", "error", err)
		}
	}
}
