package peer

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
)

// Remote is what the other side says of itself in SDP.
type Remote struct {
	Ufrag, Pwd string
	// Fingerprints are the values of a=fingerprint; one of them has to fit (RFC 8122 5).
	Fingerprints []string
	// Setup is the value of a=setup: active, passive or actpass (RFC 5763 5).
	Setup string
	// Lite is whether it has a=ice-lite, so that this side controls (RFC 8445 6.1.1).
	Lite bool
}

// isClient tells whether this side begins the DTLS handshake. Where there is a choice the viewer does: browsers have then
// done it most often.
func (r *Remote) isClient() (bool, error) {
	switch r.Setup {
	case "active", "actpass":
		return false, nil
	case "passive":
		return true, nil
	default:
		return false, fmt.Errorf("%w: setup is %q", ErrBadRemote, r.Setup)
	}
}

// digest is a fingerprint whose hash function is known.
type digest struct {
	sum  func(der []byte) []byte
	want []byte
}

// hashes are those that RFC 8122 5 names and that still mean something.
var hashes = map[string]func(der []byte) []byte{
	"sha-256": func(der []byte) []byte { s := sha256.Sum256(der); return s[:] },
	"sha-384": func(der []byte) []byte { s := sha512.Sum384(der); return s[:] },
	"sha-512": func(der []byte) []byte { s := sha512.Sum512(der); return s[:] },
}

// digests reads fingerprints. Those of unknown hash functions are passed over (RFC 8122 5.1).
func digests(values []string) ([]digest, error) {
	var out []digest
	for _, v := range values {
		name, text, _ := strings.Cut(strings.TrimSpace(v), " ")
		sum, ok := hashes[strings.ToLower(name)]
		if !ok {
			continue
		}
		want, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
		if err != nil || len(want) != len(sum(nil)) {
			return nil, fmt.Errorf("%w: its fingerprint cannot be read", ErrBadRemote)
		}
		out = append(out, digest{sum, want})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: it has no fingerprint that means something", ErrBadRemote)
	}
	return out, nil
}

// fits tells whether a certificate is one of those that were announced.
func fits(list []digest, der []byte) bool {
	for _, d := range list {
		if subtle.ConstantTimeCompare(d.sum(der), d.want) == 1 {
			return true
		}
	}
	return false
}
