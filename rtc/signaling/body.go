package signaling

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
)

// The media types of the bodies.
const (
	KindSDP      = "application/sdp"
	KindFragment = "application/trickle-ice-sdpfrag"
)

// How large the bodies may be.
const (
	MaxOffer    = 64 << 10 // bytes of an SDP offer; a browser's has 3 to 8 KB
	MaxFragment = 16 << 10 // bytes of an SDP fragment; a browser's has less than 1 KB
)

// ReadOffer reads the body of a POST, which must be SDP. Errors are refusals.
func ReadOffer(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return readBody(w, r, KindSDP, "Accept-Post", MaxOffer)
}

// readBody reads a body of a media type and of at most so many bytes. accept is the header that names the type to
// whoever sends another.
func readBody(w http.ResponseWriter, r *http.Request, kind, accept string, most int64) ([]byte, error) {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != kind {
		w.Header().Set(accept, kind)
		return nil, Refuse(http.StatusUnsupportedMediaType, "not_sdp", "the Content-Type must be "+kind)
	}
	// MaxBytesReader also keeps the connection open until the client has read the refusal.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, Refuse(http.StatusRequestEntityTooLarge, "offer_too_large", fmt.Sprintf("the body is larger than %d KiB", most>>10))
	case err != nil:
		return nil, BadOffer("the body could not be read")
	}
	return body, nil
}

// AllowEndpoint says in the answer to OPTIONS what an endpoint takes.
func AllowEndpoint(h http.Header) {
	h.Set("Allow", "POST, OPTIONS")
	h.Set("Accept-Post", KindSDP)
}

// AllowSession says in the answer to OPTIONS what a session's URL takes.
func AllowSession(h http.Header) {
	h.Set("Allow", "PATCH, DELETE, OPTIONS")
	h.Set("Accept-Patch", KindFragment) // RFC 5789 3.1
}

// IsLocal tells whether a request came from this machine: its client then reaches loopback candidates.
func IsLocal(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
