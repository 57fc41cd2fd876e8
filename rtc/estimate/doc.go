// Package estimate tells what the path to a viewer carries, from what the viewer says of the arrival of packets
// (transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01): growing delay shows a queue before it
// overflows, loss one that does (draft-ietf-rmcat-gcc-02). It differs from that draft where the sender relays a stream
// whose rate it did not choose: nothing is assumed until the path shows a limit, and what has just been carried without a
// queue is believed at once.
//
// It is pure: the clock is passed in, and it starts no goroutine.
package estimate
