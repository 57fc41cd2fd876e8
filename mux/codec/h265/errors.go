package h265

import "errors"

var (
	// ErrSPS means that a NAL unit is no sequence parameter set that weir can carry.
	ErrSPS = errors.New("h265: bad sequence parameter set")
	// ErrConfig means that bytes are no HEVC decoder configuration record that weir can carry.
	ErrConfig = errors.New("h265: bad configuration record")
)
