package auth

import (
	"errors"
	"fmt"
	"time"
)

// Dialect is a way to sign addresses.
type Dialect uint8

// The dialects.
const (
	// DialectWeir is weir's own (ADR 14): HMAC-SHA256 over action, app, room, stream and all that is promised.
	DialectWeir Dialect = iota
	// DialectTencent is txSecret and txTime: MD5 over key, stream and expiry.
	DialectTencent
	// DialectAlibaba is auth_key of type A: MD5 over path, time and key. It holds for one path only.
	DialectAlibaba
)

var dialects = [...]string{DialectWeir: "weir", DialectTencent: "tencent", DialectAlibaba: "alibaba"}

// String is the dialect's name as configurations and queries write it.
func (d Dialect) String() string { return dialects[d] }

// ParseDialect reads a dialect's name.
func ParseDialect(name string) (Dialect, error) {
	for d, n := range dialects {
		if n == name {
			return Dialect(d), nil
		}
	}
	return 0, fmt.Errorf("%w: there is no dialect %q; use weir, tencent or alibaba", ErrBadDialect, name)
}

// scheme is how a dialect writes and reads the proof of a pass. path is that of the address, percent-encoded as it is
// in the URL.
type scheme struct {
	// carries refuses a pass that says more than the dialect can.
	carries func(p *Pass) error
	// query is the signature as a query.
	query func(key Secret, app int, p *Pass, path string) string
	// read reads a proof for what was asked into p: what it promises, and whether a key has signed it.
	read func(pr *proof, app int, p *Pass, path string) (signed func(key Secret) bool, err error)
}

var schemes = [...]scheme{
	DialectWeir:    {carriesAll, weirQuery, readWeir},
	DialectTencent: {carriesExpiry, tencentQuery, readTencent},
	DialectAlibaba: {carriesUID, alibabaQuery, readAlibaba},
}

func carriesAll(*Pass) error { return nil }

// carriesExpiry refuses what an MD5 dialect has no place for.
func carriesExpiry(p *Pass) error {
	if p.User != "" || p.Once != "" || p.Ends {
		return fmt.Errorf("%w: it names no viewer, no single use and no end of a session", ErrBadDialect)
	}
	return nil
}

// SignQuery signs a pass for the address with the path, percent-encoded as it is in the URL. The result is the
// part of the address's query that proves; another part names the pass's app, unless that is the default one.
func (a *Authorizer) SignQuery(d Dialect, p Pass, path string) (string, error) {
	if err := p.check(); err != nil {
		return "", fmt.Errorf("cannot sign an address: %w", err)
	}
	if err := schemes[d].carries(&p); err != nil {
		return "", fmt.Errorf("cannot sign an address in the dialect %v: %w", d, err)
	}
	app, err := a.app(p.App)
	if err != nil {
		return "", fmt.Errorf("cannot sign an address: %w", err)
	}
	key := app.Keys.of(p.Action).Primary
	if key == "" {
		return "", fmt.Errorf("cannot sign an address: %w", errNoKey)
	}
	return schemes[d].query(key, app.ID, &p, path), nil
}

// verify checks the proof of a request to an app that carries one.
func (a *Authorizer) verify(app *App, r *Request, pr *proof) (Pass, error) {
	d, err := pr.dialect()
	if err != nil {
		return Pass{}, err
	}
	if !a.dialects[d] {
		return Pass{}, fmt.Errorf("%w: the dialect %v is not taken here", ErrBadSignature, d)
	}
	p := passOf(app.ID, r)
	signed, err := schemes[d].read(pr, app.ID, &p, r.Path)
	if err != nil {
		return Pass{}, err
	}
	switch {
	case !app.Keys.of(p.Action).any(signed):
		return Pass{}, fmt.Errorf("%w: it was made for another address, or with another key", ErrBadSignature)
	case a.now().After(p.Expires) && !r.Session:
		return Pass{}, ErrSignatureExpired
	}
	return p, nil
}

// passOf is the pass that a request to an app would need.
func passOf(app int, r *Request) Pass {
	if r.ID != "" {
		return Pass{App: app, Action: r.Action, ID: r.ID}
	}
	return Pass{App: app, Action: r.Action, Room: r.Room, Stream: r.Stream}
}

// unix reads Unix seconds of ten digits, which is the one way to write the times from 2001 to 2106.
func unix(s string) (time.Time, error) {
	if len(s) != 10 || s[0] == '0' {
		return time.Time{}, errors.New("no time")
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return time.Time{}, errors.New("no time")
		}
		n = n*10 + int64(s[i]-'0')
	}
	if n > lastExpiry {
		return time.Time{}, errors.New("no time")
	}
	return time.Unix(n, 0), nil
}
