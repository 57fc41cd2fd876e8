package rtmp

import "errors"

// What a peer can send that is no RTMP, or more of it than is taken.
var (
	// ErrProtocol means that bytes are no RTMP, or a command is none.
	ErrProtocol = errors.New("bad RTMP")
	// ErrTooMuch means that a message, or all that is under way, is larger than allowed.
	ErrTooMuch = errors.New("too much RTMP")
)
