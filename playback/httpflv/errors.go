package httpflv

import "errors"

var (
	errNoMedia = errors.New("no media yet")
	// errHandshake: a request to go on as a WebSocket that is not as RFC 6455 4.2.1 has it.
	errHandshake = errors.New("the WebSocket handshake is not one")
	// errVersion: it is of a version of the protocol that is not spoken here.
	errVersion = errors.New("WebSocket is spoken in version 13")
	errVP9     = errors.New("the video is VP9")
	errFull    = errors.New("too many viewers")
)

// errInStep ends a viewer's own goroutine: a pump has the viewer.
var errInStep = errors.New("in step")

// closing is why a viewer was closed, as it is counted.
type closing struct{ reason string }

func (c *closing) Error() string { return c.reason }

var (
	errSlow    = &closing{"slow"}           // lagged too often, or took nothing for the write timeout
	errGone    = &closing{"client_gone"}    // the connection broke, or the viewer closed it
	errOver    = &closing{"stream_ended"}   // the stream is over
	errChanged = &closing{"tracks_changed"} // a track came or went, or is of another codec: the header no longer fits
	errExpired = &closing{"expired"}        // the address promised that playing ends with it
)

// isWhole tells whether a response that ends for the reason is complete, so that the player is not to take it for one
// that broke.
func isWhole(reason error) bool {
	return errors.Is(reason, errOver) || errors.Is(reason, errChanged) || errors.Is(reason, errExpired)
}
