package transcode

import "errors"

var (
	// ErrNoEncoder means that this binary was built without an AAC encoder (build tag nolgpl).
	ErrNoEncoder = errors.New("no AAC encoder in this build")
	// ErrNoDecoder means that this binary was built without an AAC decoder (build tag nolgpl).
	ErrNoDecoder = errors.New("no AAC decoder in this build")
	// ErrSource means that there is a decoder, and that it does not take this kind of AAC.
	ErrSource = errors.New("AAC of a kind that cannot be decoded")
)
