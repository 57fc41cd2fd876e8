// Package rtmp is the door through which OBS, ffmpeg, hardware encoders and phones publish: the server side of RTMP
// and RTMPS up to the publish command, classic and Enhanced (FourCC). The bodies of its audio and video messages are
// those of FLV tags, which mux/flv takes apart; what is left here is the chunk stream, a few commands, time, and
// bounds on all of it.
//
// It plays nothing and knows nothing of outputs. Every connection has one goroutine that reads it, and from its
// publish command on a second one that watches it; they belong to the Server, whose Run waits for them.
package rtmp
