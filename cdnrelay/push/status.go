package push

import (
	"time"

	"weir/room/live"
)

// State is how a destination is.
type State string

// The states.
const (
	Connecting State = "connecting" // a connection is being made
	Running    State = "running"    // media was sent over the connection there is
	Waiting    State = "waiting"    // the connection failed; the next try comes later
	Ended      State = "ended"      // the stream is over, or the task was deleted
	Failed     State = "failed"     // given up until the stream begins anew
)

// Status is what is known of a destination: a task and one stream that it means.
type Status struct {
	Key   live.Key
	URL   string // masked
	State State
	// Reason is the short name of the last error, and Error says it in words, without secrets; both are kept while it runs again.
	Reason, Error string
	// Since is when it came into this state, Began when it was made. Retry is when the next try comes; zero unless Waiting.
	Since, Began, Retry time.Time
	// Tries counts connections, Restarts those that broke after they had run.
	Tries, Restarts int
	// Bytes and Frames were sent, Lags is how often it skipped to a later key frame.
	Bytes, Frames, Lags uint64
	// Lag is how far what was sent last is behind the stream.
	Lag time.Duration
}

// Relay is a task and what became of it: its present destinations and the last of those that ended.
type Relay struct {
	Task         Task
	Destinations []Status
}
