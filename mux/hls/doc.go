// Package hls writes HLS playlists (RFC 8216bis) as pure text: the multivariant playlist, media playlists, and
// the codec names that stand in them. Read reads those of others.
//
// It holds no state and no media, and decides nothing about windows; the segmenter does. It starts no goroutine,
// and every function is safe for concurrent use.
package hls
