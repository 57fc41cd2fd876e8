package room

import "errors"

// What callers branch on.
var (
	// ErrFull: there are as many subscribers as there may be.
	ErrFull = errors.New("too many subscribers")
	// ErrLagged: the subscriber did not take its events in time. It has to subscribe anew and look at what there is.
	ErrLagged = errors.New("subscriber lagged")
	// ErrStopping: the server is shutting down.
	ErrStopping = errors.New("shutting down")
)
