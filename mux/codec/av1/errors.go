package av1

import "errors"

var (
	// ErrSequence means that an OBU is no sequence header that weir can carry.
	ErrSequence = errors.New("av1: bad sequence header")
	// ErrConfig means that bytes are no AV1 codec configuration record that weir can carry.
	ErrConfig = errors.New("av1: bad configuration record")
)
