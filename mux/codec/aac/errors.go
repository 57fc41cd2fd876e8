package aac

import "errors"

// ErrConfig means that bytes are no AudioSpecificConfig that weir can carry.
var ErrConfig = errors.New("aac: bad audio specific config")
