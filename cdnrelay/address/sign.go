package address

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"weir/room/auth"
)

// Dialect is a way in which other servers want their addresses signed.
type Dialect string

// The dialects.
const (
	// Plain addresses are not signed.
	Plain Dialect = "plain"
	// Tencent is txSecret and txTime: MD5 over key, stream and expiry in hexadecimal. The stream is all of the path behind its
	// first part, without the ending of a player's file.
	Tencent Dialect = "tencent"
	// Alibaba is auth_key of type A: MD5 over path, time and key. It is good for half an hour behind its time, which is put
	// so that the address expires as asked for.
	Alibaba Dialect = "alibaba"
	// Weir is another weir's own dialect. The address is one of its /live/{room}/{stream}, /live/{streamid} or
	// /whip/{room}/{stream}, and names its app by ?sdkappid=.
	Weir Dialect = "weir"
)

// ErrAddress: an address, or a part of it, is none.
var ErrAddress = errors.New("not an address")

// schemes are what addresses begin with.
var schemes = map[string]bool{"rtmp": true, "rtmps": true, "http": true, "https": true, "webrtc": true, "srt": true}

// Sign signs an address of another server for one action, publishing or playing, with the key that it gave out for that. The
// signature goes behind what the address has of a query.
//
// Errors: ErrAddress, auth.ErrBadDialect, auth.ErrBadID when the path names no stream.
func Sign(address string, d Dialect, key auth.Secret, action auth.Action, expires time.Time) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || !schemes[u.Scheme] || u.Fragment != "" {
		return "", fmt.Errorf("%w: it must be such as rtmp://push.example.com/live/name", ErrAddress)
	}
	if d == Plain || d == "" {
		return address, nil
	}
	dialect, err := auth.ParseDialect(string(d))
	if err != nil {
		return "", err
	}
	pass, err := passOf(u)
	if err != nil {
		return "", err
	}
	pass.Action, pass.Expires = action, expires
	app := auth.AppOf(u.RawQuery)
	if dialect == auth.DialectWeir && app <= 0 {
		return "", fmt.Errorf("%w: an address of another weir names its app by ?sdkappid=", ErrAddress)
	}
	query, err := auth.QueryFor(dialect, key, app, pass, u.EscapedPath())
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	return u.String(), nil
}

// passOf is the stream that the path of an address names behind its first part, which is the application.
func passOf(u *url.URL) (auth.Pass, error) {
	parts := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	last := len(parts) - 1
	if stream, _, ok := auth.SplitFile(parts[last]); ok {
		parts[last] = stream
	}
	switch len(parts) {
	case 2:
		return auth.Pass{ID: parts[1]}, nil
	case 3:
		return auth.Pass{Room: parts[1], Stream: parts[2]}, nil
	default:
		return auth.Pass{}, fmt.Errorf("%w: its path must be /APP/STREAM", ErrAddress)
	}
}
