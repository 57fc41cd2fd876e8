package fmp4

import "errors"

// ErrCodec: a track's codec has no place in this container, as far as weir writes it.
var ErrCodec = errors.New("codec cannot be carried in fMP4")

// ErrFormat: bytes are not what this package writes.
var ErrFormat = errors.New("no fragmented MP4")
