// Package rtmp is a client of RTMP and RTMPS servers: it publishes to one, or plays from one. What it writes are messages
// whose bodies are those of FLV tags, shared with all who send the same; what it reads are such messages. Whatever a server
// sends or leaves out, a connection takes bounded memory, and no call lasts longer than its context or timeout says.
//
// It makes no media and reads none, knows no stream of the hub, and tries nothing twice. It starts no goroutine: those that
// call a Conn are their owner's.
package rtmp
