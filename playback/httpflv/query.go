package httpflv

import (
	"net/url"
	"strings"

	"weir/mux/av"
	"weir/room/live"
)

// maxLayer is the longest name of a layer, in bytes; those of browsers have one or two.
const maxLayer = 64

// query is what a viewer asks for behind the question mark.
type query struct {
	audio av.Codec // CodecNone: what is usual
	layer string   // of a simulcast; empty: the largest that comes
	start live.Start
	vp9   bool // takes VP9
	delay delay
	omit  omission // by its rights
}

// parameterError is a value of the query that means nothing.
type parameterError struct{ name, want string }

func (b *parameterError) Error() string { return b.name + " must be given once, as " + b.want }

// parseQuery reads what a viewer asks for. Parameters that it does not know are others' business.
//
// Errors: *parameterError.
func parseQuery(v url.Values) (query, error) {
	var q query
	for _, p := range []struct {
		name, want string
		set        func(string) bool
	}{
		{"audio", "aac or opus", q.setAudio},
		{"start", "gop or live", q.setStart},
		{"delay", "a number of milliseconds", q.delay.set},
		{"layer", "the name of a layer", q.setLayer},
	} {
		if len(v[p.name]) > 1 || !p.set(v.Get(p.name)) {
			return query{}, &parameterError{p.name, p.want}
		}
	}
	q.vp9 = v.Get("video") == "vp9"
	return q, nil
}

// setAudio takes the audio codec.
func (q *query) setAudio(value string) bool {
	switch value {
	case "aac":
		q.audio = av.CodecAAC
	case "opus":
		q.audio = av.CodecOpus
	case "":
	default:
		return false
	}
	return true
}

// setStart takes where to begin: the newest key frame held, at once; or the next one, with the least delay. The
// default is the first if it is fresh.
func (q *query) setStart(value string) bool {
	switch value {
	case "":
		q.start = live.StartFresh
	case "gop":
		q.start = live.StartNewest
	case "live":
		q.start = live.StartNext
	default:
		return false
	}
	return true
}

// setLayer takes the name of a layer, which is a restriction identifier: alphanumeric, and by the older form with
// - and _ in it (RFC 8851 10, RFC 8852 3.1).
func (q *query) setLayer(value string) bool {
	q.layer = value
	return len(value) <= maxLayer && !strings.ContainsFunc(value, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}
