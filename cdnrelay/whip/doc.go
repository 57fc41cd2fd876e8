// Package whip publishes streams to other servers by WHIP (RFC 9725): it is the output of cdnrelay/push for http and https
// addresses.
//
// The server's media session is a WebRTC connection (rtc/peer) by a UDP port of its own, by which the server tells it from other
// pushes, and the stream is sent over it as to a viewer (rtc/sender): as it is, with Opus for sound. A session has one goroutine, that of its connection,
// which Session.Close waits for.
package whip
