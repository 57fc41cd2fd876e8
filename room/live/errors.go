package live

import "errors"

// What callers branch on.
var (
	// ErrLagged: the reader fell out of the ring; it now stands at a later join point.
	ErrLagged = errors.New("reader lagged")
	// ErrEnded: the stream is over and everything in it was read.
	ErrEnded = errors.New("stream ended")
	// ErrBusy: the stream has a publisher that the policy does not let go.
	ErrBusy = errors.New("stream has a publisher")
	// ErrIDTaken: another stream of the app has the stream id.
	ErrIDTaken = errors.New("another stream has this stream id")
	// ErrNoStream: nobody publishes the stream.
	ErrNoStream = errors.New("stream is not live")
	// ErrFull: the registry holds as many streams as it may.
	ErrFull = errors.New("too many streams")
	// ErrStopping: the registry is shutting down.
	ErrStopping = errors.New("shutting down")
	// ErrReplaced: another publisher took the stream over.
	ErrReplaced = errors.New("replaced by another publisher")
	// ErrNoTrack: a frame of a track whose configuration is not known yet.
	ErrNoTrack = errors.New("track has no configuration yet")
	// ErrOrder: a frame whose DTS is not after the last one of its track.
	ErrOrder = errors.New("decoding time does not rise")
	// ErrNoLayer: the stream has no simulcast layer of that name.
	ErrNoLayer = errors.New("no such layer")
	// ErrLate: sound for a time that silence has filled.
	ErrLate = errors.New("silence stands in its place")
	// ErrStill: a picture that needs one from before an older one was shown again, or one that was dropped.
	ErrStill = errors.New("only a key picture can follow a still one")
	// ErrGone: the publisher no longer holds the stream.
	ErrGone = errors.New("publisher no longer holds the stream")
)
