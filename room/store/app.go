package store

import "time"

// App is an app that was made at run time. Everything else of this package belongs to one app, by its id.
type App struct {
	ID      int
	Name    string
	Key     string // signs and checks its tokens
	Admins  []string
	Created time.Time
	// Settings are what may be set for one app: its callbacks, its limits; JSON, "{}" when nothing is.
	Settings []byte
}
