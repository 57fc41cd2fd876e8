package signaling

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

const maxPayloads = 128 // payload types there can be

// TransportCC is the header extension of transport-wide sequence numbers.
const TransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// Payload is one payload type of a section.
type Payload struct {
	Type       uint8
	Name       string // of the encoding, in upper case
	MIME       string // kind and encoding as the offer has it: video/H264
	ClockRate  uint32
	Channels   uint16            // 0 when the offer has none
	Format     string            // the whole format line
	Parameters map[string]string // of the format line, names in lower case
}

// Payloads lists a section's payload types in its order.
func Payloads(m *sdp.MediaDescription) []Payload {
	var out []Payload
	for _, f := range m.MediaName.Formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil || len(out) >= maxPayloads {
			continue
		}
		if p, ok := ReadPayload(m, uint8(pt)); ok {
			out = append(out, p)
		}
	}
	return out
}

// ReadPayload is a payload type of a section, if the section says what it is.
func ReadPayload(m *sdp.MediaDescription, pt uint8) (Payload, bool) {
	p := Payload{Type: pt, Parameters: make(map[string]string)}
	prefix := strconv.Itoa(int(pt)) + " "
	for _, a := range m.Attributes {
		v, ok := strings.CutPrefix(a.Value, prefix)
		if !ok {
			continue
		}
		switch a.Key {
		case "rtpmap":
			p.readMap(m.MediaName.Media, v)
		case "fmtp":
			p.Format = v
			for kv := range strings.SplitSeq(v, ";") {
				k, val, _ := strings.Cut(strings.TrimSpace(kv), "=")
				p.Parameters[strings.ToLower(k)] = val
			}
		}
	}
	return p, p.Name != ""
}

// readMap reads encoding, clock rate and channels (RFC 8866 6.6).
func (p *Payload) readMap(kind, value string) {
	parts := strings.Split(value, "/")
	number := func(i int) int {
		if len(parts) <= i {
			return 0
		}
		n, _ := strconv.Atoi(parts[i])
		return max(n, 0)
	}
	p.Name, p.MIME = strings.ToUpper(parts[0]), kind+"/"+parts[0]
	p.ClockRate, p.Channels = uint32(number(1)), uint16(number(2))
}

// Names are the encodings of payload types, each once, as a refusal lists them.
func Names(all []Payload) []string {
	var out []string
	for _, p := range all {
		if p.Name != "RTX" && !slices.Contains(out, p.Name) {
			out = append(out, p.Name)
		}
	}
	return out
}

// Repair is the payload type of retransmissions of pt (RFC 4588 8.6), or nil.
func Repair(all []Payload, pt uint8) *Payload {
	apt := strconv.Itoa(int(pt))
	for i := range all {
		if all[i].Name == "RTX" && all[i].Parameters["apt"] == apt {
			return &all[i]
		}
	}
	return nil
}

// Extension is the id of a header extension in a section, or 0 when it is not offered.
func Extension(m *sdp.MediaDescription, uri string) uint8 {
	var found uint8
	for _, a := range m.Attributes {
		if a.Key != "extmap" {
			continue
		}
		id, rest, _ := strings.Cut(a.Value, " ")
		id, _, _ = strings.Cut(id, "/") // RFC 8285 7: a direction may follow
		n, err := strconv.ParseUint(id, 10, 8)
		if err != nil || n == 0 {
			continue
		}
		if its, _, _ := strings.Cut(rest, " "); its == uri {
			found = uint8(n)
		}
	}
	return found
}

// OffersFeedback tells whether a section offers a kind of feedback for a payload type (RFC 4585 4.2).
func OffersFeedback(m *sdp.MediaDescription, pt uint8, kind string) bool {
	for _, a := range m.Attributes {
		if a.Key != "rtcp-fb" {
			continue
		}
		who, what, _ := strings.Cut(a.Value, " ")
		if (who == "*" || who == strconv.Itoa(int(pt))) && strings.TrimSpace(what) == kind {
			return true
		}
	}
	return false
}
