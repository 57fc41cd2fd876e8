// Package depacket turns RTP packets into access units: a reorder ring that also says which packets to ask for
// again, depacketizers for H.264 (RFC 6184) and Opus (RFC 7587), and the clock that places them in the stream.
//
// What leaves it is whole: an access unit that lost a packet is dropped together with everything that depends on
// it, so a viewer may see a freeze and never mosaic. The package knows no socket and reads no clock; times are
// handed in. It starts no goroutine, and its types are for one goroutine at a time.
package depacket
