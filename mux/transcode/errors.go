package transcode

import "errors"

// ErrNoEncoder means that this binary was built without an AAC encoder (build tag nolgpl).
var ErrNoEncoder = errors.New("no AAC encoder in this build")
