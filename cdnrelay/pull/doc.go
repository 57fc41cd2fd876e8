// Package pull brings streams of other servers into rooms: over HTTP-FLV, HLS and RTMP, always or while somebody watches.
//
//	Task ─► puller: a task and a stream ─► source ─► session ─► live.Publisher
//	  configuration, API     tries again, the next address in turn
//
// A Task says which streams come from where; for each stream that is pulled there is a puller, with a goroutine and a state of
// its own. A source knows one protocol and nothing of tasks; what it reads is bounded in size and time. All goroutines belong
// to Manager.Run, which waits for them.
package pull
