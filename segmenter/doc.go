// Package segmenter is the door out for HLS: it turns a stream's frames into fMP4 segments, keeps the window of
// those that viewers can ask for now, and serves playlists and media over HTTP.
//
//	Reader ─► builder ─► Segment ─► Window ─► atomic pointer ─► any number of GETs
//	           cutter: where to cut, when to ask for a key frame
//
// One Segmenter works for one stream. It is made when a playlist is first asked for, filled from the frames that
// the stream still holds, and stops when nobody has asked for a while. The package does no low latency yet, but
// parts are its unit: a segment is made of them.
//
// Its goroutines, one a Segmenter, belong to Segmenters.Run, which waits for them.
package segmenter
