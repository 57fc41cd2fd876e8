package signaling

import (
	"net/http"
	"strings"

	"weir/room/auth"
)

// SessionURL is the address of a session that a request to an endpoint began (RFC 9725 4.2). What the endpoint's
// address proves stands in it, too: a client without a header to send has nothing else to prove its next requests with.
func SessionURL(r *http.Request, id string) string {
	location := strings.TrimSuffix(r.URL.EscapedPath(), "/") + "/" + id
	carried := auth.Carried(r.URL.RawQuery)
	if r.Header.Get("Authorization") != "" {
		carried = auth.CarriedApp(r.URL.RawQuery)
	}
	if carried != "" {
		location += "?" + carried
	}
	return location
}
