// Package auto is the automatic relay, as the cloud has it: where an app has it on, each of its streams has a stream id, so
// that it is played at /live/{streamid}, and goes to the app's CDN. It knows settings and names targets; what carries the
// streams there is package push. It starts no goroutine; Run reads again what other nodes may have set.
package auto
