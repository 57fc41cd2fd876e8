package apps

import "errors"

// What callers branch on.
var (
	// ErrNotFound: there is no app of that id.
	ErrNotFound = errors.New("there is no such app")
	// ErrConfigured: the app stands in the configuration, which alone can change it.
	ErrConfigured = errors.New("the app is configured, and goes when the configuration drops it")
	// ErrFull: there are as many apps as there may be.
	ErrFull = errors.New("there are as many apps as there may be")
	// ErrTaken: there is an app of that id already.
	ErrTaken = errors.New("the id is taken")
	// ErrBadApp: an id, a name or an administrator has a form that none may have.
	ErrBadApp = errors.New("the app is not valid")
)
