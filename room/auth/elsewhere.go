package auth

import "fmt"

// QueryFor signs a pass for another server's address, with the key that this server and that one share: for a CDN in its
// dialect, or for another weir. app is the number of the app there, which weir's own dialect signs, and path the address's
// path, percent-encoded.
//
// Errors: ErrBadDialect, ErrBadID.
func QueryFor(d Dialect, key Secret, app int, p Pass, path string) (string, error) {
	if key == "" {
		return "", fmt.Errorf("cannot sign an address: %w", errNoKey)
	}
	if err := p.check(); err != nil {
		return "", fmt.Errorf("cannot sign an address: %w", err)
	}
	if err := schemes[d].carries(&p); err != nil {
		return "", fmt.Errorf("cannot sign an address in the dialect %v: %w", d, err)
	}
	return schemes[d].query(key, app, &p, path), nil
}
