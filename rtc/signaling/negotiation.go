package signaling

import (
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// maxFormer is how many ICE sessions that are over a Negotiation remembers, so as to know a request that comes late.
const maxFormer = 8

// Peer is the connection that a negotiation is about. Its methods are called one at a time.
type Peer interface {
	// AddCandidate takes one more candidate of the client, from "candidate:" on. One that cannot be used it discards.
	AddCandidate(value string)
	// Restart begins a new ICE session with the client's credentials, and returns the fragment that answers it.
	// Where it fails, begun tells whether the former session is gone all the same.
	Restart(ufrag, pwd string) (answer string, begun bool, err error)
}

// Negotiation is the ICE session of a client: RFC 9725 4.3.1 gives each one an entity-tag of its own. It is safe for
// concurrent use.
type Negotiation struct {
	mids []string // names of the sections

	mu         sync.Mutex // guards the fields below, and is held while an ICE restart is under way
	tag        string     // strong entity-tag, quotes included
	ufrag, pwd string     // the client's
	former     []string   // its ufrags before, the newest last
	offered    []string   // its candidates so far, in short
	closed     bool       // the connection is being taken down
}

// NewNegotiation returns the negotiation that an offer begins, and its first tag. offered are the offer's candidates,
// described; mids the names of its sections.
func NewNegotiation(ufrag, pwd string, offered, mids []string) (n *Negotiation, tag string) {
	n = &Negotiation{tag: newTag(), ufrag: ufrag, pwd: pwd, offered: offered, mids: mids}
	return n, n.tag
}

// newTag is an entity-tag that nobody can guess and that never comes again.
func newTag() string { return `"` + rand.Text() + `"` }

// Tag is the entity-tag of the present ICE session.
func (n *Negotiation) Tag() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tag
}

// Ufrag is the client's of the present ICE session.
func (n *Negotiation) Ufrag() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ufrag
}

// Offered are the client's candidates of the present ICE session, described.
func (n *Negotiation) Offered() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.offered)
}

// Close waits for a restart that is under way and lets nothing more through.
func (n *Negotiation) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
}

// Patch applies a fragment of a request with this If-Match: it adds candidates, or restarts ICE (RFC 9725 4.3). answer
// and tag are those of a restart and empty otherwise. Errors are refusals, or those of the peer.
func (n *Negotiation) Patch(match []string, f *Fragment, p Peer) (answer, tag string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return "", "", Refuse(http.StatusNotFound, "session_not_found", "the session's connection is over; begin another")
	case !matches(match, n.tag):
		return "", "", Refuse(http.StatusPreconditionFailed, "stale_ice", "the ICE session has changed since")
	case f.Ufrag == "" || f.Ufrag == n.ufrag && f.Pwd == n.pwd:
		n.addLocked(f.Candidates, p)
		return "", "", nil
	case f.Ufrag == n.ufrag || slices.Contains(n.former, f.Ufrag):
		// RFC 8445 9: a restart changes both. This is a request of an earlier ICE session, which the tag * let pass.
		return "", "", Refuse(http.StatusConflict, "stale_ice", "the ICE credentials were used before")
	}
	answer, begun, err := p.Restart(f.Ufrag, f.Pwd)
	if begun {
		n.former = append(n.former, n.ufrag)
		n.former = n.former[max(0, len(n.former)-maxFormer):]
		n.tag, n.ufrag, n.pwd, n.offered = newTag(), f.Ufrag, f.Pwd, nil
	}
	if err != nil {
		return "", "", err
	}
	n.addLocked(f.Candidates, p)
	return answer, n.tag, nil
}

// addLocked hands the client's candidates on. RFC 9725 4.3.2: those that cannot be used (another transport, a name that
// does not resolve, a former ICE session) are discarded without a word.
func (n *Negotiation) addLocked(all []Candidate, p Peer) {
	for _, c := range all {
		if c.Ufrag != "" && c.Ufrag != n.ufrag || c.MID != "" && !slices.Contains(n.mids, c.MID) {
			continue
		}
		if len(n.offered) >= MaxCandidates {
			return
		}
		n.offered = append(n.offered, Describe(c.Value))
		p.AddCandidate(c.Value)
	}
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

// ReadPatch reads a PATCH of a session: its fragment and its If-Match. Errors are refusals.
func ReadPatch(w http.ResponseWriter, r *http.Request) (*Fragment, []string, error) {
	body, err := readBody(w, r, KindFragment, "Accept-Patch", MaxFragment) // RFC 5789 2.2
	if err != nil {
		return nil, nil, err
	}
	match := r.Header.Values("If-Match")
	if len(match) == 0 {
		return nil, nil, Refuse(http.StatusPreconditionRequired, "if_match_required", "If-Match must name the ETag of the ICE session, or be * to restart ICE")
	}
	f, err := ParseFragment(string(body))
	return f, match, err
}

// AnswerOffer answers a POST whose offer was taken: with the answer, the URL of the session of an id (RFC 9725 4.2) and the
// entity-tag of its ICE session.
func AnswerOffer(w http.ResponseWriter, r *http.Request, id, answer, tag string) {
	head := w.Header()
	head.Set("Content-Type", KindSDP)
	head.Set("Cache-Control", "no-store")
	head.Set("ETag", tag)
	head.Set("Location", SessionURL(r, id))
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // a client that is gone is noticed by the handshake time
}

// AnswerPatch answers a PATCH that Negotiation.Patch took.
func AnswerPatch(w http.ResponseWriter, answer, tag string) {
	if answer == "" {
		w.WriteHeader(http.StatusNoContent) // RFC 9725 4.3.2: neither a body nor an ETag
		return
	}
	head := w.Header()
	head.Set("Content-Type", KindFragment)
	head.Set("Cache-Control", "no-store")
	head.Set("ETag", tag)
	_, _ = w.Write([]byte(answer)) // a client that is gone asks again
}
