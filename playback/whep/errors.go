package whep

import (
	"context"
	"errors"

	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/peer"
	"weir/rtc/sender"
)

// Why a session ended, beside what its sender and its connection say.
var (
	errDeleted  = errors.New("the viewer ended it")
	errShutdown = errors.New("the server is shutting down")
)

// What POST is refused for.
var (
	errNoMedia = errors.New("no media yet")
	errFull    = errors.New("too many viewers")
)

// ends are the ends of a session as they are counted.
var ends = []struct {
	err    error
	reason string
}{
	{errDeleted, "deleted"},
	{errShutdown, "shutdown"},
	{auth.ErrEnds, "expired"},
	{peer.ErrNoPath, "no_path"},
	{peer.ErrHandshake, "handshake"},
	{peer.ErrFingerprint, "handshake"},
	{peer.ErrLost, "connection_failed"},
	{peer.ErrGone, "client_gone"},
	{live.ErrStopping, "shutdown"},
	{live.ErrEnded, "stream_ended"},
	{context.Canceled, "shutdown"},
}

// reasonOf is a session's end as it is counted.
func reasonOf(err error) string {
	var end sender.EndError
	if errors.As(err, &end) {
		return string(end)
	}
	for _, e := range ends {
		if errors.Is(err, e.err) {
			return e.reason
		}
	}
	return "other"
}
