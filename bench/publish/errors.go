package publish

import (
	"errors"
	"fmt"
)

// ErrNoMedia means that the options name no file to publish.
var ErrNoMedia = errors.New("neither video nor audio to publish")

// ErrLayers means that a simulcast has one layer only, or comes with options that exclude it.
var ErrLayers = errors.New("a simulcast needs two layers or more, and neither H264 nor RTX beside them")

// ErrLost means that the connection ended without this side having ended it.
var ErrLost = errors.New("connection lost")

// RefusedError is the server's refusal of a request.
type RefusedError struct {
	Method string
	Status int
	// Body is what the server said, cut to 64 KiB.
	Body string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refused with status %d: %s", e.Method, e.Status, e.Body)
}
