package whip

import (
	"strconv"
	"strings"
)

const (
	maxFragment = 16 << 10 // bytes of an SDP fragment; a browser's has less than 1 KB
	// maxCandidates bounds the remote candidates of one ICE session, those of the offer included. Each is checked from
	// each of the server's addresses, so an offer with a thousand of them would make the server a sender of floods.
	maxCandidates = 64
)

// fragment is what weir takes from an SDP fragment (RFC 8840 9), the body of a PATCH.
type fragment struct {
	ufrag, pwd string // both, or neither
	candidates []candidate
	end        bool // there are no more candidates
}

// candidate is one candidate line of a fragment.
type candidate struct {
	mid   string // of its section; empty when it stands in none
	value string // from "candidate:" on (RFC 8839 5.1)
	ufrag string // of the ICE session that it says it belongs to; may be empty
}

// parseFragment reads a fragment. What it does not know it passes over (RFC 8840 9.2); what it knows must be well
// formed. Errors are refusals.
func parseFragment(text string) (*fragment, error) {
	f, mid := new(fragment), ""
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

func (f *fragment) attribute(name, value, mid string) error {
	switch name {
	case "ice-ufrag":
		return setOnce(&f.ufrag, value)
	case "ice-pwd":
		return setOnce(&f.pwd, value)
	case "end-of-candidates":
		f.end = true
	case "candidate":
		c, ok := readCandidate(value)
		if !ok {
			return badFragment("a candidate is malformed")
		}
		c.mid = mid
		if len(f.candidates) < maxCandidates {
			f.candidates = append(f.candidates, c)
		}
	}
	return nil
}

// setOnce takes a value that all sections share, since they are one BUNDLE group.
func setOnce(at *string, value string) error {
	if *at != "" && *at != value {
		return unsupported("bundle_required", "all sections of the fragment must have the same ICE credentials")
	}
	*at = value
	return nil
}

// check checks the fragment as a whole: RFC 8839 5.4 bounds the credentials.
func (f *fragment) check() error {
	switch {
	case f.ufrag == "" && f.pwd == "":
		if len(f.candidates) == 0 && !f.end {
			return badFragment("the fragment says nothing of ICE")
		}
		return nil
	case !isICE(f.ufrag, 4):
		return badFragment("the ice-ufrag is malformed")
	case !isICE(f.pwd, 22):
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
func readCandidate(value string) (candidate, bool) {
	f := strings.Fields(value)
	if len(f) < 8 || len(f[0]) > 32 || !strings.EqualFold(f[6], "typ") {
		return candidate{}, false
	}
	for _, number := range []struct {
		field string
		bits  int
	}{{f[1], 16}, {f[3], 32}, {f[5], 16}} {
		if _, err := strconv.ParseUint(number.field, 10, number.bits); err != nil {
			return candidate{}, false
		}
	}
	c := candidate{value: "candidate:" + value}
	for i := 8; i+1 < len(f); i += 2 {
		if f[i] == "ufrag" {
			c.ufrag = f[i+1]
		}
	}
	return c, true
}
