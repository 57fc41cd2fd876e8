// Package peer is the WebRTC connection to one viewer, on the engine's port, or to a server that takes a stream, by a port of
// its own: an ICE agent, a DTLS handshake, and SRTP whose packets are encrypted straight into the batch that leaves in one
// system call (ADR 15). It is not a peer connection: it negotiates nothing, knows no tracks and no SDP, and takes no media in.
//
// The goroutine of Run belongs to its caller. The ICE agent has its own, which Run and Close wait for, and the DTLS
// connection three, which end with it.
package peer
