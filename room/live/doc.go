// Package live is the hub: one writer and any number of readers a stream.
//
//	Publisher.Write ─► ring of frames ─┬─► Reader (segmenter, statistics, …)
//	   O(1), never blocks              ├─► Feed[frames with AAC] ─► ring ─► Reader …
//	                                   └─► Feed[FLV tags]        ─► ring ─► Reader, Reader, … (viewers)
//
// A ring is bounded by bytes and by time. A Reader is a cursor into it: it owns no queue, so what it costs is
// a few words, and a slow one can hold nobody up. A reader that falls out of the ring lags: it goes on at the
// newest place where decoding can begin, and that is counted. A Feed is a ring derived from another one, each
// value made once for all its readers, while there are any.
//
// The package knows no container and no network. Its goroutines (one for each feed with readers, one for each
// ring and wake interval with readers) belong to the Registry: Registry.Run waits for them.
package live
