package store

import "errors"

var (
	// ErrNotFound means that there is no such row, or not what it would belong to.
	ErrNotFound = errors.New("not found")
	// ErrFull means that more is remembered than may be, and nothing of it is old enough to be forgotten.
	ErrFull = errors.New("too much to remember")
	// ErrDamaged means that a file is not what this package wrote.
	ErrDamaged = errors.New("the file is damaged")
)
