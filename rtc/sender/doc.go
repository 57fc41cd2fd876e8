// Package sender sends a stream to one viewer by RTP: it gives packets that were made once for all (mux/rtp) the viewer's
// own numbers, sends again what is lost, and leaves out what the viewer's path does not carry. A server that a stream is
// pushed to by WHIP is to it a viewer like any other.
//
// It encrypts nothing and opens no socket: that is the Transport's. A Sender has one goroutine, that of Run; what the
// viewer reports comes from the connection's.
package sender
