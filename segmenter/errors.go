package segmenter

import "errors"

// What callers branch on.
var (
	// ErrNoStream: there is no such stream, nor one that ended a moment ago.
	ErrNoStream = errors.New("no such stream")
	// ErrNotReady: the stream gave no complete segment in time.
	ErrNotReady = errors.New("no complete segment yet")
	// ErrNoTracks: the stream has no track that HLS can carry.
	ErrNoTracks = errors.New("no track that HLS can carry")
	// ErrStopping: the server is shutting down.
	ErrStopping = errors.New("shutting down")

	errIdle = errors.New("nobody asked for a while")
)
