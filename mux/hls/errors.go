package hls

import "errors"

// ErrCodec: a track's codec has no name in a playlist, as far as weir knows.
var ErrCodec = errors.New("codec has no name in HLS playlists")
