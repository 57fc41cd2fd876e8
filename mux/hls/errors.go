package hls

import "errors"

var (
	// ErrCodec: a track's codec has no name in a playlist, as far as weir knows.
	ErrCodec = errors.New("codec has no name in HLS playlists")
	// ErrFormat: a text is no playlist.
	ErrFormat = errors.New("no HLS playlist")
)
