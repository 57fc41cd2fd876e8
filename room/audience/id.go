package audience

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// maxID is the longest id that a player may choose for its viewer, in bytes; a UUID has 36.
const maxID = 64

// Param is the parameter of a media address that carries the id which a player chose for its viewer.
const Param = "viewer"

// ID says who a viewer is. The zero ID is somebody who cannot be told from others.
type ID struct {
	by   byte // what it is known by, so that nobody gets another one's id by choosing it
	name string
}

// User is the user whose token a viewer has; empty when it has none.
func (id ID) User() string {
	if id.by != byUser {
		return ""
	}
	return id.name
}

// What an ID is known by.
const (
	byUser    = 'u'
	byChoice  = 'c'
	byAddress = 'a'
)

// UserID is the id of a viewer who has a user's token, or an address that was signed for a user. Without a user it
// is the zero ID.
func UserID(user string) ID {
	if user == "" {
		return ID{}
	}
	return ID{byUser, user}
}

// ChosenID is the id of a viewer whose player chose name, or the zero ID if name is none.
func ChosenID(name string) ID {
	if !ValidName(name) {
		return ID{}
	}
	return ID{byChoice, name}
}

// ValidName tells whether a player may choose the name: 8 to 64 of A-Z a-z 0-9 - _.
func ValidName(name string) bool {
	return len(name) >= 8 && len(name) <= maxID && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

// Of is the id of who sends a request: the user that it was granted to, if any, else what its player chose. It is
// the zero ID where neither is known; then a viewer is its connection.
func Of(user string, r *http.Request) ID {
	if user != "" {
		return UserID(user)
	}
	return ChosenID(r.URL.Query().Get(Param))
}

// userKey is where a request's context has the user.
type userKey struct{}

// WithUser returns the request with the user that it was granted to, for doors that do not ask who may play by
// themselves.
func WithUser(r *http.Request, user string) *http.Request {
	if user == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), userKey{}, user))
}

// FromRequest is Of with the user of WithUser.
func FromRequest(r *http.Request) ID {
	user, _ := r.Context().Value(userKey{}).(string)
	return Of(user, r)
}

// Address is an id for a viewer about whom nothing is known and who has no connection that lasts: its address and
// its program. Those behind one address with the same program are one. Behind a trusted proxy the middleware has
// restored the address.
func Address(r *http.Request) ID {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return ID{byAddress, host + "\x00" + r.UserAgent()}
}
