// Package udp sends the packets of one viewer's picture in one system call: runs of datagrams of equal size by UDP
// segmentation offload, other datagrams by sendmmsg, and one by one where the kernel or the way there takes nothing else
// (ADR 15). It does not read, knows no RTP, starts no goroutine, and never waits for a socket.
package udp
