package auth

import (
	"fmt"
	"time"
)

// Partner is somebody beside the apps with keys of its own, such as a CDN that pulls: its signature opens the streams of one
// app for playing.
type Partner struct {
	App     int // its id; never DefaultApp
	Dialect Dialect
	Keys    KeyPair
}

// Verify checks the partner's signature of a request to play.
//
// Errors: ErrNoToken without any signature, ErrBadSignature, ErrSignatureExpired.
func (p *Partner) Verify(r *Request, now time.Time) error {
	pr, err := parseProof(r.Query)
	if err != nil {
		return err
	}
	if !pr.signature() {
		return fmt.Errorf("%w, or a signed address", ErrNoToken)
	}
	d, err := pr.dialect()
	if err != nil {
		return err
	}
	if d != p.Dialect {
		return fmt.Errorf("%w: it is of the dialect %v, not %v", ErrBadSignature, d, p.Dialect)
	}
	pass := passOf(p.App, r)
	signed, err := schemes[d].read(&pr, p.App, &pass, r.Path)
	switch {
	case err != nil:
		return err
	case !p.Keys.any(signed):
		return fmt.Errorf("%w: it was made for another address, or with another key", ErrBadSignature)
	case now.After(pass.Expires):
		return ErrSignatureExpired
	}
	return nil
}
