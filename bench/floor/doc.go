// Package floor is the least program that carries the same bytes to as many sockets at the same joining as the server:
// no rooms, no codecs, no slow viewers, one stream out of memory. What weir costs above it is what there is to win.
// Each form owns its goroutines, and Run waits for them.
package floor
