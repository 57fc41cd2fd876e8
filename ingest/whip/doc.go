// Package whip is the door through which browsers publish: the HTTP side of WHIP (RFC 9725) and the peer
// connection behind it. It reads raw RTP, hands it to ingest/depacket and writes frames into the hub; NACK, receiver
// reports, transport-wide feedback and key frame requests are made here and not by interceptors, which cost three
// allocations a packet.
//
// It knows nothing of outputs. Every session has one goroutine of its own and two for each track; they belong to
// the Handler, whose Run waits for them.
package whip
