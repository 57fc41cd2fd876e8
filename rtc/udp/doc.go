// Package udp moves many datagrams in one system call. What goes out is one viewer's picture: runs of datagrams of equal size
// by UDP segmentation offload, others by sendmmsg, and one by one where the kernel or the way there takes nothing else. What
// comes in is all that waits on the media port (ADR 15).
//
// It knows no RTP and starts no goroutine. A sender that waits for a full socket holds up nobody else, and not for long.
package udp
