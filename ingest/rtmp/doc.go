// Package rtmp is the door through which OBS, ffmpeg, hardware encoders and phones publish: the server side of RTMP
// and RTMPS up to the publish command, classic and Enhanced (FourCC). mux/rtmp takes chunks and commands apart, and
// mux/flv the bodies of audio and video messages; what is left here is who may publish, time, and bounds on all of it.
//
// It plays nothing and knows nothing of outputs. Every connection has one goroutine that reads it, and from its
// publish command on a second one that watches it; they belong to the Server, whose Run waits for them.
package rtmp
