package bus

import "errors"

var (
	// ErrNotRunning: Run has not begun, or is over.
	ErrNotRunning = errors.New("the bus is not running")
	// ErrSessionOver: the session has ended, so that it can enter no room.
	ErrSessionOver = errors.New("the session is over")
	// ErrTooManyRooms: a session may be in Options.SessionRooms rooms.
	ErrTooManyRooms = errors.New("the session is in too many rooms")
	// ErrNoHandler: nobody handles this on the node that was asked.
	ErrNoHandler = errors.New("nobody handles this")
	// ErrNoAnswer: the node that was asked did not answer.
	ErrNoAnswer = errors.New("the node did not answer")
)
