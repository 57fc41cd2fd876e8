// Package crowd is viewers for load tests, cheap enough that one core drives thousands: most read and forget, a few,
// the probes, look at every picture. It shares no goroutine with a server and asserts nothing. Who calls a Run owns its
// goroutine; constructors start nothing.
package crowd
