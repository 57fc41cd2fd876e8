// Package timeline brings media with timestamps of somebody else's onto the clock of a stream: of encoders that push, and of
// servers that streams are pulled from. It places, it waits for nothing and reads no network.
//
// It starts no goroutine; a Writer belongs to the one that reads the source.
package timeline
