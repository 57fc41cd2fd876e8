package rtp

import "errors"

var (
	// ErrTrack means that a frame belongs to no track that was announced.
	ErrTrack = errors.New("rtp: unknown track")
	// ErrCodec means that a track's codec has no payload format here, or that a frame is not of its track's codec.
	ErrCodec = errors.New("rtp: codec cannot be carried")
	// ErrConfig means that a track's configuration record cannot be read.
	ErrConfig = errors.New("rtp: bad configuration record")
	// ErrFrame means that a frame's data cannot be taken apart, or is too large.
	ErrFrame = errors.New("rtp: bad frame")
)
