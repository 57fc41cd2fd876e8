package floor

import "time"

// Ready is what the program says when it listens.
type Ready struct {
	Listening string    `json:"listening"` // address
	Origin    time.Time `json:"origin"`    // the recording's beginning, in its first round
}
