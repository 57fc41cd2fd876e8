package whip

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
