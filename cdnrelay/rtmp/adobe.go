package rtmp

import (
	"crypto/md5" //nolint:gosec // what the protocol has
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// login is how far a client has come with the authentication that Adobe's servers, and others after them, ask for: it stands
// in the application's query, and each step takes a connection of its own.
type login struct {
	user, pass string
	challenge  string // the client's
	query      string // of the application at the next connection
	answered   bool   // it holds the answer to the server's challenge
}

func newLogin(t *target) login {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return login{user: t.user, pass: t.pass, challenge: hex.EncodeToString(b[:])}
}

// next reads why a server refused to be connected to and prepares the next connection; it returns false when there is no use
// in one.
func (l *login) next(why string) bool {
	if l.user == "" || l.answered || !strings.Contains(why, "authmod=adobe") {
		return false
	}
	_, query, asks := strings.Cut(why, "?reason=needauth")
	if !asks {
		first := l.query == ""
		l.query = "?authmod=adobe&user=" + l.user
		return first && strings.Contains(why, "code=403 need auth")
	}
	salt, challenge, opaque := parameter(query, "salt"), parameter(query, "challenge"), parameter(query, "opaque")
	l.query = "?authmod=adobe&user=" + l.user + "&challenge=" + l.challenge + "&response=" + l.response(salt, challenge, opaque)
	if opaque != "" {
		l.query += "&opaque=" + opaque
	}
	l.answered = true
	return true
}

// response proves that the client knows the password. The challenge counts only for servers that send no opaque value.
func (l *login) response(salt, challenge, opaque string) string {
	if opaque != "" {
		challenge = opaque
	}
	return digest(digest(l.user+salt+l.pass) + challenge + l.challenge)
}

func digest(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // what the protocol has
	return base64.StdEncoding.EncodeToString(sum[:])
}

// parameter is a value of a query that is not escaped: base64's + and = stand in it as they are.
func parameter(query, name string) string {
	for part := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(part, name+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
