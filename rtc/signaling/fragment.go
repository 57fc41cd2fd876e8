package signaling

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxCandidates bounds the remote candidates of one ICE session, those of the offer included. Each is checked from each
// of the server's addresses, so an offer with a thousand of them would make the server a sender of floods.
const MaxCandidates = 64

// Fragment is what weir takes from an SDP fragment (RFC 8840 9), the body of a PATCH.
type Fragment struct {
	Ufrag, Pwd string // both, or neither
	Candidates []Candidate
	End        bool // there are no more candidates
}

// Candidate is one candidate line of a fragment.
type Candidate struct {
	MID   string // of its section; empty when it stands in none
	Value string // from "candidate:" on (RFC 8839 5.1)
	Ufrag string // of the ICE session that it says it belongs to; may be empty
}

// ParseFragment reads a fragment. What it does not know it passes over (RFC 8840 9.2); what it knows must be well
// formed. Errors are refusals.
func ParseFragment(text string) (*Fragment, error) {
	f, mid := new(Fragment), ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
		case strings.HasPrefix(line, "m="):
			mid = ""
		case strings.HasPrefix(line, "a="):
			name, value, _ := strings.Cut(line[2:], ":")
			if name == "mid" {
				mid = value
				continue
			}
			if err := f.attribute(name, value, mid); err != nil {
				return nil, err
			}
		default:
			return nil, badFragment("the body has a line that is neither an attribute nor a section")
		}
	}
	return f, f.check()
}

func (f *Fragment) attribute(name, value, mid string) error {
	switch name {
	case "ice-ufrag":
		return setOnce(&f.Ufrag, value)
	case "ice-pwd":
		return setOnce(&f.Pwd, value)
	case "end-of-candidates":
		f.End = true
	case "candidate":
		c, ok := readCandidate(value)
		if !ok {
			return badFragment("a candidate is malformed")
		}
		c.MID = mid
		if len(f.Candidates) < MaxCandidates {
			f.Candidates = append(f.Candidates, c)
		}
	}
	return nil
}

// setOnce takes a value that all sections share, since they are one BUNDLE group.
func setOnce(at *string, value string) error {
	if *at != "" && *at != value {
		return Unsupported("bundle_required", "all sections of the fragment must have the same ICE credentials")
	}
	*at = value
	return nil
}

// check checks the fragment as a whole: RFC 8839 5.4 bounds the credentials.
func (f *Fragment) check() error {
	switch {
	case f.Ufrag == "" && f.Pwd == "":
		if len(f.Candidates) == 0 && !f.End {
			return badFragment("the fragment says nothing of ICE")
		}
		return nil
	case !isICE(f.Ufrag, 4):
		return badFragment("the ice-ufrag is malformed")
	case !isICE(f.Pwd, 22):
		return badFragment("the ice-pwd is malformed")
	}
	return nil
}

// isICE tells whether s is from least to 256 of RFC 8839's ice-char.
func isICE(s string, least int) bool {
	if len(s) < least || len(s) > 256 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

// readCandidate checks the form of a candidate (RFC 8839 5.1): foundation component transport priority address port
// typ type, and then pairs. Whether its transport and its address are any good is not a question of form.
func readCandidate(value string) (Candidate, bool) {
	f := strings.Fields(value)
	if len(f) < 8 || len(f[0]) > 32 || !strings.EqualFold(f[6], "typ") {
		return Candidate{}, false
	}
	for _, number := range []struct {
		field string
		bits  int
	}{{f[1], 16}, {f[3], 32}, {f[5], 16}} {
		if _, err := strconv.ParseUint(number.field, 10, number.bits); err != nil {
			return Candidate{}, false
		}
	}
	c := Candidate{Value: "candidate:" + value}
	for i := 8; i+1 < len(f); i += 2 {
		if f[i] == "ufrag" {
			c.Ufrag = f[i+1]
		}
	}
	return c, true
}

// maxDescription is bytes of a candidate: the longest IPv6 address needs half of it, and a name is as long as its
// sender likes.
const maxDescription = 128

// Describe is a candidate line in short (protocol, address, port, type), whatever comes before its foundation.
func Describe(value string) string {
	f := strings.Fields(strings.TrimPrefix(value, "candidate:"))
	if len(f) < 8 {
		return ""
	}
	text := fmt.Sprintf("%s %s %s %s", strings.ToLower(f[2]), f[4], f[5], f[7])
	return strings.Clone(text[:min(len(text), maxDescription)])
}
