// Package e2e proves the main job end to end: it runs the real binary, publishes the samples to it by WebRTC, and
// lets programs that are not weir's (ffmpeg, flvmeta, mpv, GStreamer, VLC) judge what comes out by HTTP-FLV and HLS.
//
// It has tests only. Each test starts the goroutines and processes that it needs and ends them before it returns.
package e2e
