package rtmp

import (
	"fmt"
)

// refusal is a publisher that cannot be taken, or not any longer: what is wrong, in words for the person at the
// encoder and as a stable code for counters.
type refusal struct {
	code   string
	detail string
}

func (r *refusal) Error() string { return r.detail }

// Reason implements what live.Reason looks for.
func (r *refusal) Reason() string { return r.code }

func refuse(code, format string, args ...any) error {
	return &refusal{code: code, detail: fmt.Sprintf(format, args...)}
}

// ended is why a publisher was over: text for people, reason for counters (live.Reason).
type ended struct{ reason, text string }

func (e *ended) Error() string  { return e.text }
func (e *ended) Reason() string { return e.reason }

var (
	errUnpublished = &ended{"deleted", "the publisher ended it"}
	errSilence     = &ended{"silence", "no media from the publisher"}
	errClosed      = &ended{"connection_closed", "the publisher closed the connection"}
	errFailed      = &ended{"connection_failed", "the connection to the publisher failed"}
	errHandshake   = &ended{"handshake", "no publish command within the handshake time"}
	errShutdown    = &ended{"shutdown", "the server is shutting down"}
	errBadBytes    = &ended{"protocol", "the publisher sent something that is no RTMP"}
)
