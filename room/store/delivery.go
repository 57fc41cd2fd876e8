package store

import "time"

// Delivery is something to be told to another program: a line of the queue of callbacks.
//
// Those of one Key go one after the other, by ID: nothing of a key is due while an earlier one of it waits for another
// try. What is buried holds up nothing.
type Delivery struct {
	ID int64 // given by the queue; it grows
	// Receiver is who gets it. A receiver who is down must not hold up others, so that the queue is asked for what is due
	// one receiver at a time.
	Receiver string
	Key      string // within the receiver: its room, stream or account
	App      int
	URL      string
	Header   map[string]string
	Body     []byte
	Kind     string // what it tells
	Tries    int    // so far
	// Next is when it is tried next, Created when it was told.
	Next, Created time.Time
	Fault         string // why the last try failed
}

// Backlog is what is in the queue of callbacks.
type Backlog struct {
	Waiting, Dead int
	Oldest        time.Time // when the oldest that waits was told; zero when nothing waits
}
