package pull

import (
	"time"

	"weir/room/live"
)

// State is how the pull of a stream is.
type State string

// The states.
const (
	Connecting State = "connecting" // a connection is being made
	Running    State = "running"    // media comes
	Waiting    State = "waiting"    // the connection failed; the next try comes later
	Ended      State = "ended"      // nobody watches, the task was deleted, or there was no place for it
)

// Status is what is known of the pull of one stream.
type Status struct {
	Key   live.Key
	URL   string // of the source that is or was tried last, masked
	State State
	// Reason is the short name of the last error, and Error says it in words, without secrets; both are kept while it runs again.
	Reason, Error string
	// Since is when it came into this state, Began when it was made. Retry is when the next try comes; zero unless Waiting.
	Since, Began, Retry time.Time
	// Tries counts connections, Restarts those that broke after they had run.
	Tries, Restarts int
	// Bytes and Frames came.
	Bytes, Frames uint64
}

// refused tells whether it is about a stream that there was no place for.
func (s *Status) refused(k live.Key) bool { return s.Key == k && s.State == Ended && s.Tries == 0 }

// Pull is a task and what became of it: what is pulled now, and the last of what has ended.
type Pull struct {
	Task    Task
	Streams []Status
}
