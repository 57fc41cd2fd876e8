// Package bus carries the room's channel to clients: connections, sessions, who is in which room, publications, and the
// nodes of a cluster. It is the only package that knows the engine (centrifuge, ADR 25).
//
// It knows what a session and a room's name are, and not what a message is: what comes in goes to Options.Call, what goes
// out is bytes of JSON. Its goroutines belong to Run; connections have their own, and Run waits for the work that they
// began.
package bus
