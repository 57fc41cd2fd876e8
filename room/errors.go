package room

import "errors"

// What callers branch on.
var (
	// ErrFull: there are as many subscribers as there may be.
	ErrFull = errors.New("too many subscribers")
	// ErrLagged: the subscriber did not take its events in time. It has to subscribe anew and look at what there is.
	ErrLagged error = &ended{"slow", "subscriber lagged"}
	// ErrStopping: the server is shutting down.
	ErrStopping error = &ended{"shutdown", "shutting down"}
)

// ended is why streams end for what happened to their room or their app, and why subscriptions do.
type ended struct{ reason, text string }

func (e *ended) Error() string { return e.text }

// Reason is the reason for counters and logs.
func (e *ended) Reason() string { return e.reason }

var (
	errRoomClosed    error = &ended{"room_closed", "the room was closed"}
	errMayNotPublish error = &ended{"may_not_publish", "the user may not publish into the room any more"}
	errAppDeleted    error = &ended{"app_deleted", "the app was deleted"}
	errUnsubscribed  error = &ended{"client_gone", "the subscriber left"}
)
