// Package srt publishes streams to other servers by SRT (draft-sharabayko-srt-01): it is the output of cdnrelay/push for
// srt addresses. It is a caller in live mode that only sends: MPEG-TS, made once for all targets of a stream.
//
// It is written here since a hostile listener can have the libraries there are in Go reserve any memory and leave goroutines
// behind. A session has one goroutine, that of what the listener sends, which Session.Close waits for.
package srt
