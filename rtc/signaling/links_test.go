package signaling

import (
	"testing"
	"time"
)

// The convention's own example: the password is base64(HMAC-SHA1(secret, name)).
func TestTURNCredentials(t *testing.T) {
	s := ICEServers{Secret: "north", TTL: time.Hour}
	name, password := s.credentials("alice", time.Unix(1433895918-3600, 0))
	// echo -n 1433895918:alice | openssl dgst -sha1 -hmac north -binary | base64
	if name != "1433895918:alice" || password != "RqMvcGPYTJMGThVLSi4amT4zFtI=" {
		t.Errorf("%s, %s", name, password)
	}
}
