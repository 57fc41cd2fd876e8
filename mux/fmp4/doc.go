// Package fmp4 writes and reads fragmented MP4 (ISO/IEC 14496-12): the init section of a set of tracks, and parts, each
// a moof box with its mdat box. A Muxer writes a whole stream that goes on without an end, from which a Demuxer makes the same frames.
//
// It decides nothing about where parts and segments end and knows no playlist; that is for who calls. It
// starts no goroutine, and every function is safe for concurrent use; Muxer and Demuxer are for one goroutine each.
package fmp4
