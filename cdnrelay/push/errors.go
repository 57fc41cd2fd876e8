package push

import "errors"

// What an Output says of a connection, and callers of the Manager branch on. The short names are those of states, events
// and metrics.
var (
	// ErrAddress: the target's address is one that may not be connected to, or none at all.
	ErrAddress error = &fault{"address", "the target's address is not one to connect to"}
	// ErrConnect: the connection did not come about.
	ErrConnect error = &fault{"connect", "cannot connect to the target"}
	// ErrRefused: the target does not take the stream: a wrong key, or somebody else publishes it.
	ErrRefused error = &fault{"refused", "the target refuses the stream"}
	// ErrTimeout: the target did not answer in time, or took nothing for the write timeout.
	ErrTimeout error = &fault{"timeout", "the target does not answer"}
	// ErrClosed: the target closed the connection, or it broke.
	ErrClosed error = &fault{"closed", "the connection to the target was lost"}
	// ErrProtocol: what the target says is not its protocol.
	ErrProtocol error = &fault{"protocol", "the target does not keep to the protocol"}
	// ErrSlow: the connection carries less than the stream: it lagged again and again.
	ErrSlow error = &fault{"slow", "the connection is slower than the stream"}
	// ErrChanged: the connection cannot carry what the stream has become, but another one can. It is tried at once.
	ErrChanged error = &fault{"tracks_changed", "the stream's tracks have changed"}
	// ErrUnfit: the protocol cannot carry the stream, so that there is no use in trying again.
	ErrUnfit error = &fault{"unfit", "the target's protocol cannot carry the stream"}

	// ErrTask: a task that makes no sense, with what is wrong.
	ErrTask = errors.New("the relay cannot be taken")
	// ErrDuplicate: another task pushes to the same address.
	ErrDuplicate error = &fault{"duplicate", "another relay pushes to this address"}
	// ErrTooMany: there are as many tasks or destinations as there may be.
	ErrTooMany error = &fault{"too_many", "too many relays"}
	// ErrAppFull: the app has as many destinations as one app may have.
	ErrAppFull error = &fault{"app_full", "the app has too many destinations"}
	// ErrNotFound: there is no such task.
	ErrNotFound = errors.New("no such relay")
	// ErrFixed: the task comes from the configuration or a callback, not from the API.
	ErrFixed = errors.New("the relay was not made by the API")
)

// fault is an error with a short name; see live.Reason.
type fault struct{ reason, text string }

func (f *fault) Error() string  { return f.text }
func (f *fault) Reason() string { return f.reason }
