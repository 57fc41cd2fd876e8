// Package mpegts turns access units into the packets of an MPEG transport stream (ISO/IEC 13818-1), once for all who
// send them: H.264, H.265, AAC in ADTS, and Opus.
//
// Encoder is a writer of one programme with at most one video and one audio track, for servers that take a stream by SRT. Demux
// takes a segment of somebody else's apart, and leaves it to the caller to make frames of its packets. The package knows no
// network and no clock and starts no goroutine.
package mpegts
