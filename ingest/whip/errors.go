package whip

import "net/http"

// refusal is an offer that cannot be accepted: what the client did, in words and as a stable code.
type refusal struct {
	status int
	code   string
	detail string
}

func (r *refusal) Error() string { return r.detail }

func refuse(status int, code, detail string) error {
	return &refusal{status: status, code: code, detail: detail}
}

func badOffer(detail string) error { return refuse(http.StatusBadRequest, "bad_offer", detail) }

func badFragment(detail string) error { return refuse(http.StatusBadRequest, "bad_fragment", detail) }

func unsupported(code, detail string) error {
	return refuse(http.StatusUnprocessableEntity, code, detail)
}

// ended is why a session was over: text for people, reason for counters (live.Reason).
type ended struct{ reason, text string }

func (e *ended) Error() string  { return e.text }
func (e *ended) Reason() string { return e.reason }

var (
	errDeleted   = &ended{"deleted", "the publisher ended it"}
	errSilence   = &ended{"silence", "no media from the publisher"}
	errHandshake = &ended{"handshake", "no connection within the handshake time"}
	errFailed    = &ended{"connection_failed", "the connection to the publisher failed"}
	errClosed    = &ended{"connection_closed", "the publisher closed the connection"}
	errCrowd     = &ended{"too_many_sources", "the publisher sent under too many SSRCs"}
	errShutdown  = &ended{"shutdown", "the server is shutting down"}
)
