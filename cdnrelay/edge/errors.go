package edge

import (
	"errors"
	"regexp"
)

// What callers branch on. That a stream is not there is live.ErrNoStream.
var (
	// ErrStopping: the server is shutting down.
	ErrStopping = errors.New("shutting down")
	// ErrOrigin: no origin could be asked.
	ErrOrigin = errors.New("no origin answers")
)

// reason is why a stream was interrupted or has ended, with the name under which it is counted.
type reason string

var (
	errLost   = reason("origin_lost")   // the connection to the origin is lost, or silent
	errIdle   = reason("idle")          // nobody reads the stream
	errMoved  = reason("origin_moved")  // another origin has what this one has lost
	errFailed = reason("origin_failed") // what the origin sends cannot be read
)

// Error implements error.
func (r reason) Error() string { return string(r) }

// Reason is the name under which it is counted.
func (r reason) Reason() string { return string(r) }

// LetGo tells whether a stream has ended here only because nobody reads it here: it goes on where it comes from.
func LetGo(ended error) bool { return errors.Is(ended, errIdle) }

// named are the reasons that an origin may tell: they become labels.
var named = regexp.MustCompile(`^[a-z_]{1,32}$`)

// told is a reason of the origin's.
func told(name string) reason {
	if named.MatchString(name) {
		return reason(name)
	}
	return "other"
}
