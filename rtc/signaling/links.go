package signaling

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- the TURN REST convention is defined with it
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/room/auth"
)

// ICEServers are STUN and TURN servers that clients are told of (RFC 9725 4.6).
type ICEServers struct {
	// URLs are as RFC 7064 and RFC 7065 write them. Those of TURN servers are told with credentials only.
	URLs []string
	// Secret is shared with the TURN servers, which accept what is derived from it (coturn: static-auth-secret).
	Secret auth.Secret
	// TTL is how long derived credentials are valid.
	TTL time.Duration
}

// AddLinks adds a Link for each server. Without known, who asks has shown no authority: TURN servers, whose
// credentials are worth money, are then left out.
func (s *ICEServers) AddLinks(h http.Header, user string, known bool, now time.Time) {
	for _, url := range s.URLs {
		link := "<" + url + `>; rel="ice-server"`
		if strings.HasPrefix(url, "turn") {
			if !known {
				continue
			}
			name, credential := s.credentials(user, now)
			link += `; username="` + name + `"; credential="` + credential + `"; credential-type="password"`
		}
		h.Add("Link", link)
	}
}

// credentials are made as the TURN REST convention has it: the name says until when they are valid, and the password
// is its HMAC. The server keeps nothing of them.
func (s *ICEServers) credentials(user string, now time.Time) (name, password string) {
	name = strconv.FormatInt(now.Add(s.TTL).Unix(), 10)
	if user != "" {
		name += ":" + user
	}
	mac := hmac.New(sha1.New, []byte(string(s.Secret)))
	mac.Write([]byte(name))
	return name, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
