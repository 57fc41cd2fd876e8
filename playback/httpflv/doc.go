// Package httpflv is the door through which viewers and pulling CDNs get a stream as HTTP-FLV or WS-FLV: one response that
// goes on as long as the stream. Tags are made once for all viewers (a live.Feed of flv.Tag); what a viewer adds is
// a cursor and a socket.
//
// Viewers who keep up are written to by pumps, many from one goroutine; the others have one of their own (viewer.run).
//
// It makes no tags itself (mux/flv does). Pumps and viewers' goroutines are the Handler's, and
// Handler.Run waits for all of them; those of HTTP/2 are the ones that net/http started for the requests.
package httpflv
