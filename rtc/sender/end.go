package sender

// EndError is why a sender has ended, as it is counted.
type EndError string

// Error implements error.
func (e EndError) Error() string { return string(e) }

const (
	// ErrSlow: the viewer lagged too often.
	ErrSlow EndError = "slow"
	// ErrGone: the connection broke, or the viewer closed it.
	ErrGone EndError = "client_gone"
	// ErrEnded: the stream is over.
	ErrEnded EndError = "stream_ended"
	// ErrChanged: a track is of another codec than was agreed on.
	ErrChanged EndError = "tracks_changed"
	// ErrBFrames: pictures are shown in another order than they are decoded in, and others depend on them.
	ErrBFrames EndError = "video_has_b_frames"
)
