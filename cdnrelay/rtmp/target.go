package rtmp

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

const (
	schemePlain  = "rtmp"
	schemeSecure = "rtmps"
)

// maxAddress is the longest address that is taken, in bytes. AMF0's strings go up to 65535.
const maxAddress = 4 << 10

// target is what an address means.
type target struct {
	host   string // without the port
	dial   string // host and port
	secure bool
	server string // scheme, host and port as they were given: the beginning of tcUrl
	app    string // of the connect command
	name   string // of the publish or play command, with the query; secret
	user   string // secret, as is the password
	pass   string
}

// Check tells what is wrong with an address, without a word of it.
//
// Errors: ErrAddress.
func Check(address string) error {
	_, err := parseTarget(address)
	return err
}

// parseTarget cuts an address at the last slash of its path: what stands before it is the server's application, what follows
// is the name of the stream, with the query. Encoders do the same.
//
// Errors: ErrAddress, without a word of the address.
func parseTarget(address string) (target, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || len(address) > maxAddress {
		return target{}, fmt.Errorf("%w: malformed", ErrAddress)
	}
	t := target{host: u.Hostname(), secure: u.Scheme == schemeSecure, server: u.Scheme + "://" + u.Host}
	port := u.Port()
	switch {
	case u.Scheme != schemePlain && !t.secure:
		return target{}, fmt.Errorf("%w: its scheme is neither rtmp nor rtmps", ErrAddress)
	case port == "" && t.secure:
		port = "443"
	case port == "":
		port = "1935"
	}
	t.dial = net.JoinHostPort(t.host, port)
	path := strings.Trim(u.EscapedPath(), "/")
	cut := strings.LastIndexByte(path, '/')
	if cut < 0 {
		return target{}, fmt.Errorf("%w: it needs an application and a name, as in rtmp://HOST/APP/NAME", ErrAddress)
	}
	t.app, t.name = path[:cut], path[cut+1:]
	if u.RawQuery != "" {
		t.name += "?" + u.RawQuery
	}
	if u.User != nil {
		t.user = u.User.Username()
		t.pass, _ = u.User.Password()
	}
	return t, nil
}

const (
	// maxText is how much of a server's words is told.
	maxText = 200
	// minValue is from what length on a value of the query counts as secret by itself: not 1, true or live.
	minValue = 6
)

// said is a server's words, fit to be logged and shown: one line of bounded length, without what is secret in the address,
// which servers like to repeat.
func (t *target) said(text string) string {
	bare, query, _ := strings.Cut(t.name, "?")
	secrets := []string{t.name, bare, query, t.pass, t.user}
	if decoded, err := url.PathUnescape(bare); err == nil {
		secrets = append(secrets, decoded)
	}
	if values, err := url.ParseQuery(query); err == nil {
		for _, v := range slices.Concat(slices.Collect(maps.Values(values))...) {
			if len(v) >= minValue {
				secrets = append(secrets, v)
			}
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may be a part of another
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	text = strings.ToValidUTF8(text, "?")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
