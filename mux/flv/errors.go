package flv

import "errors"

var (
	// ErrCodec means that a track's codec has no form in FLV, or that a frame is not of its track's codec.
	ErrCodec = errors.New("flv: codec cannot be carried")
	// ErrNoConfig means that a track has no configuration record yet, without which no player can begin.
	ErrNoConfig = errors.New("flv: track without a configuration record")
	// ErrTrack means that a frame belongs to no track that was announced.
	ErrTrack = errors.New("flv: unknown track")
	// ErrTooLarge means that a frame or a tag is larger than the form or the reader allows.
	ErrTooLarge = errors.New("flv: tag too large")
	// ErrComposition means that PTS and DTS lie further apart than 24 bits of milliseconds can say.
	ErrComposition = errors.New("flv: composition time out of range")
	// ErrFormat means that bytes are no FLV.
	ErrFormat = errors.New("flv: bad format")
)
