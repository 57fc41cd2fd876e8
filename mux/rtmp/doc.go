// Package rtmp is the language that both sides of an RTMP connection speak: the handshake, messages in chunks, and
// commands in AMF0, each read within bounds and appended to bytes. The bodies of audio and video messages are those of
// FLV tags, which mux/flv makes and takes apart.
//
// It is neither a server nor a client: it knows no socket and no clock and starts no goroutine.
package rtmp
