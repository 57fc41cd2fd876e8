package store

import "errors"

var (
	// ErrNotFound means that there is no such row, or not what it would belong to.
	ErrNotFound = errors.New("not found")
	// ErrExists means that there is one already.
	ErrExists = errors.New("exists already")
	// ErrFull means that more is remembered than may be, and nothing of it is old enough to be forgotten.
	ErrFull = errors.New("too much to remember")
	// ErrBusy means that more calls wait for the disk than may wait: nothing was written.
	ErrBusy = errors.New("too many writes wait for the disk")
	// ErrNoSpace means that the disk is full: nothing was written.
	ErrNoSpace = errors.New("the disk is full")
	// ErrDamaged means that a file is not what this package wrote.
	ErrDamaged = errors.New("the file is damaged")
	// ErrNewer means that a newer weir made the database, which this one would not understand.
	ErrNewer = errors.New("the database is of a newer weir")
	// ErrBadText means that a name or an id is no UTF-8 or has a zero byte, which databases do not take.
	ErrBadText = errors.New("not a text that can be stored")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// refusal is an error of a caller's function, which is no fault of the store.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }
