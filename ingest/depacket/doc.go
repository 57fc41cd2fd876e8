// Package depacket turns RTP packets into access units: a reorder ring that also says which packets to ask for
// again, depacketizers for video and for Opus (RFC 7587, with its copies of RFC 2198), and the clocks that place
// the tracks of a sender in the stream, beside one another.
//
// What leaves it is whole: an access unit that lost a packet is dropped together with everything that depends on
// it, so a viewer may see a freeze and never mosaic, and sound has no holes. The package knows no socket and reads
// no clock; times are handed in. It starts no goroutine, and its types are for one goroutine at a time, a Sync and
// its clocks excepted.
package depacket
