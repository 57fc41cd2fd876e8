package vp9

import "errors"

var (
	// ErrHeader means that a frame has no uncompressed header that weir can read.
	ErrHeader = errors.New("vp9: bad frame header")
	// ErrConfig means that bytes are no VP codec configuration record that weir can carry.
	ErrConfig = errors.New("vp9: bad configuration record")
)
