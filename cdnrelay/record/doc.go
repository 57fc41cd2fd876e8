// Package record writes streams into files: fragmented MP4 or FLV, in a folder, and from there into an S3 bucket if there is
// one. It serves them again, an MP4 also as HLS.
//
//	stream ─► Reader ─► session ─► container (mp4, flv) ─► output: one write a second
//	                       │ a file is complete
//	                       └─► row in the store, event, bucket
//
// A recording is one stream from when it began to its end, in one format; its files follow each other. A session reads the
// ring as any reader does, in one goroutine, and holds a second of media: a disk that is too slow makes it lag, which is
// counted and told, and never slows the stream. What was written plays after the process was killed; Run repairs at its
// start what was left open.
//
// The package does not decide who may record or play; its handlers are told. Its goroutines belong to Run.
package record
