package h264

import "errors"

var (
	// ErrSPS means that a NAL unit is no sequence parameter set that weir can carry.
	ErrSPS = errors.New("h264: bad sequence parameter set")
	// ErrConfig means that bytes are no AVC decoder configuration record that weir can carry.
	ErrConfig = errors.New("h264: bad configuration record")
)
