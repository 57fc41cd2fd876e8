// Package netsim is a bad network for tests: a wire between two network namespaces of its own that loses, delays,
// reorders, repeats and queues IP packets, seeded, and changed while it runs. It needs root and /dev/net/tun, and
// nothing of the kernel's traffic control; what a packet meets on its way (Path) is plain code without clock or network.
//
// New makes the namespaces and devices and starts nothing; Run carries the packets and owns the goroutines. The
// namespaces have no names: they are gone with the last process in them, and so is everything that New made.
package netsim
