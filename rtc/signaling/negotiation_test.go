package signaling

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// peer is a connection that writes down what it is told.
type peer struct {
	candidates []string
	restarts   []string
	begun      bool
	err        error
}

func (p *peer) AddCandidate(value string) { p.candidates = append(p.candidates, value) }

func (p *peer) Restart(ufrag, _ string) (string, bool, error) {
	p.restarts = append(p.restarts, ufrag)
	return "answer " + ufrag, p.begun, p.err
}

func trickled(lines ...string) *Fragment {
	f, err := ParseFragment(strings.Join(lines, "\r\n"))
	if err != nil {
		panic(err)
	}
	return f
}

const (
	aPwd     = "a=ice-pwd:0123456789012345678901"
	aHost    = "a=candidate:1 1 udp 1 192.0.2.1 1 typ host"
	aFormer  = aHost + " ufrag old0"
	endOf    = "a=end-of-candidates"
	anyMatch = "*"
)

// RFC 9725 4.3: what a PATCH does, by its If-Match and its fragment.
func TestPatch(t *testing.T) {
	for _, tc := range []struct {
		name     string
		match    string // PRESENT is the present tag
		fragment *Fragment
		peer     peer

		status     int // of the refusal; 0 when it is taken
		candidates int
		restarts   bool
	}{
		{"4.3.2: a candidate", "PRESENT", trickled(aHost), peer{}, 0, 1, false},
		{"4.3.2: of the present session", "PRESENT", trickled("a=ice-ufrag:old0", aPwd, aHost), peer{}, 0, 1, false},
		{"RFC 9110 13.1.1: a list of tags", `"other", PRESENT`, trickled(aHost), peer{}, 0, 1, false},
		{"a section that is not there", "PRESENT", trickled("m=audio 9 RTP/AVP 0", "a=mid:7", aHost), peer{}, 0, 0, false},
		{"a section that is there", "PRESENT", trickled("m=audio 9 RTP/AVP 0", "a=mid:0", aHost), peer{}, 0, 1, false},
		{"another session's candidate", "PRESENT", trickled(aHost + " ufrag else"), peer{}, 0, 0, false},
		{"4.3.1: another tag", `"other"`, trickled(aHost), peer{}, http.StatusPreconditionFailed, 0, false},
		{"RFC 9110 13.1.1: a weak tag", "W/PRESENT", trickled(aHost), peer{}, http.StatusPreconditionFailed, 0, false},
		{"4.3.3: a restart", anyMatch, trickled("a=ice-ufrag:new1", aPwd, aHost, aFormer), peer{begun: true}, 0, 1, true},
		{"RFC 8445 9: the same ufrag with another password", anyMatch, trickled("a=ice-ufrag:old0", aPwd+"x"), peer{}, http.StatusConflict, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, tag := NewNegotiation("old0", strings.TrimPrefix(aPwd, "a=ice-pwd:"), nil, []string{"0"})
			answer, next, err := n.Patch([]string{strings.ReplaceAll(tc.match, "PRESENT", tag)}, tc.fragment, &tc.peer)
			var no *RefusedError
			if errors.As(err, &no) != (tc.status != 0) || no != nil && no.Status != tc.status {
				t.Fatalf("%v, want %d", err, tc.status)
			}
			if len(tc.peer.candidates) != tc.candidates || len(n.Offered()) != tc.candidates {
				t.Errorf("the peer has %q", tc.peer.candidates)
			}
			if got := len(tc.peer.restarts) == 1; got != tc.restarts || got != (answer != "") || got != (next != "") || got != (n.Tag() != tag) {
				t.Errorf("answered %q with %s after %s; restarts %q", answer, next, tag, tc.peer.restarts)
			}
		})
	}
}

// A restart that fails leaves the session as it is, unless the peer had begun: then the next request has to restart.
func TestPatchFails(t *testing.T) {
	fault := errors.New("a fault")
	for _, begun := range []bool{false, true} {
		n, tag := NewNegotiation("old0", "x", nil, nil)
		_, _, err := n.Patch([]string{tag}, trickled("a=ice-ufrag:new1", aPwd, aHost), &peer{begun: begun, err: fault})
		if !errors.Is(err, fault) || (n.Tag() != tag) != begun || (n.Ufrag() != "old0") != begun || len(n.Offered()) != 0 {
			t.Errorf("begun %v: %v, %s, %s", begun, err, n.Tag(), n.Ufrag())
		}
	}
}

// A request of an ICE session before the present one changes nothing, and no request does once the connection goes.
func TestPatchLate(t *testing.T) {
	n, _ := NewNegotiation("old0", "x", nil, nil)
	p := &peer{begun: true}
	for i := range 2 * maxFormer {
		if _, _, err := n.Patch([]string{anyMatch}, trickled("a=ice-ufrag:new"+strconv.Itoa(i), aPwd), p); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.former) != maxFormer {
		t.Errorf("%d former sessions are remembered", len(n.former))
	}
	var no *RefusedError
	if _, _, err := n.Patch([]string{anyMatch}, trickled("a=ice-ufrag:new"+strconv.Itoa(maxFormer), aPwd), p); !errors.As(err, &no) || no.Status != http.StatusConflict {
		t.Errorf("a former session: %v", err)
	}
	n.Close()
	if _, _, err := n.Patch([]string{anyMatch}, trickled(endOf), p); !errors.As(err, &no) || no.Status != http.StatusNotFound {
		t.Errorf("a closed session: %v", err)
	}
}

// The candidates of a session are bounded, those of its offer included.
func TestPatchIsBounded(t *testing.T) {
	n, tag := NewNegotiation("old0", "x", slices.Repeat([]string{"udp"}, MaxCandidates-2), nil)
	p := new(peer)
	for range 3 {
		if _, _, err := n.Patch([]string{tag}, trickled(aHost), p); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.candidates) != 2 {
		t.Errorf("%d candidates are taken, want 2", len(p.candidates))
	}
}
