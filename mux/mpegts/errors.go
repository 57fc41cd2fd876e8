package mpegts

import "errors"

var (
	// ErrStream means that bytes are no transport stream.
	ErrStream = errors.New("mpegts: no transport stream")
	// ErrTrack means that a frame belongs to no track that was announced.
	ErrTrack = errors.New("mpegts: unknown track")
	// ErrCodec means that a transport stream has no place for a track's codec, or that a frame is not of its track's codec.
	ErrCodec = errors.New("mpegts: codec cannot be carried")
	// ErrConfig means that a track's configuration record cannot be read, or says what cannot be carried.
	ErrConfig = errors.New("mpegts: bad configuration record")
	// ErrFrame means that a frame's data cannot be taken apart, or is too large.
	ErrFrame = errors.New("mpegts: bad frame")
)
